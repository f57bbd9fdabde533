/** The keys of rules in Traffic Server, in all spellings, and what becomes of each. */

interface Taken {
  /** Keys of ours with their values; undefined for a value that has none. */
  readonly take: (value: unknown) => Readonly<Record<string, unknown>> | undefined
}

interface Lost {
  /** Why nothing here does what the key did. */
  readonly lost: string
  /** Whether this value keeps something out; without it, every value does. */
  readonly protects?: (value: unknown) => boolean
}

const policy = (value: unknown): Readonly<Record<string, unknown>> | undefined => {
  const word = String(value).toUpperCase()
  if (word === 'DISABLED') return { verify_server: 0 }
  return word === 'ENFORCED' || word === 'PERMISSIVE' ? { verify_server_policy: word } : undefined
}

const text =
  (key: string, pattern: RegExp): Taken['take'] =>
  value =>
    pattern.test(String(value)) ? { [key]: String(value) } : undefined

const CLIENT = 'nothing is demanded of a client by the name of its TLS connection'
const ROUTE = 'TLS of clients is not relayed by its name: clients send CONNECT'
const PORT_TLS = 'versions and cipher suites are those of all ssl ports'
const HTTP2 = 'ssl ports speak HTTP/1.1'
const TICKETS = 'session tickets have no setting by name'

const never = (): boolean => false

export const SNI_KEYS: Readonly<Record<string, Taken | Lost | undefined>> = {
  verify_server_policy: { take: policy },
  verify_origin_server: {
    take: value => {
      const words: Readonly<Record<string, string>> = {
        STRICT: 'ENFORCED',
        MODERATE: 'PERMISSIVE',
        NONE: 'DISABLED',
      }
      return policy(words[String(value).toUpperCase()])
    },
  },
  verify_server_properties: {
    take: text('verify_server_properties', /^(?:ALL|SIGNATURE|NAME|NONE)$/),
  },
  client_cert: { take: text('client_cert', /^\S+$/) },
  client_key: { take: text('client_key', /^\S+$/) },
  client_sni_policy: { take: text('client_sni_policy', /^(?:host|@[^\s*/:]+)$/) },
  verify_client: {
    lost: `${CLIENT}; proxy.config.ssl.client.certification_level demands certificates of all`,
    protects: value => !/^(?:NONE|0)$/i.test(String(value)),
  },
  verify_client_ca_certs: { lost: `${CLIENT}; proxy.config.ssl.CA.cert.filename names authorities for all` },
  host_sni_policy: { lost: CLIENT, protects: value => /^(?:ENFORCED|2)$/i.test(String(value)) },
  ip_allow: { lost: `${CLIENT}; ip_allow.yaml is about all of them` },
  inbound_port_ranges: { lost: 'a rule is for all ports' },
  valid_tls_versions_in: { lost: PORT_TLS },
  valid_tls_version_min_in: { lost: PORT_TLS },
  valid_tls_version_max_in: { lost: PORT_TLS },
  server_cipher_suite: { lost: PORT_TLS },
  server_TLSv1_3_cipher_suites: { lost: PORT_TLS },
  server_groups_list: { lost: PORT_TLS },
  tunnel_route: { lost: ROUTE },
  forward_route: { lost: ROUTE },
  partial_blind_route: { lost: ROUTE },
  tunnel_alpn: { lost: ROUTE, protects: never },
  disable_h2: { lost: HTTP2, protects: never },
  http2: { lost: HTTP2, protects: never },
  quic: { lost: 'QUIC is not spoken', protects: never },
  http2_buffer_water_mark: { lost: HTTP2, protects: never },
  http2_initial_window_size_in: { lost: HTTP2, protects: never },
  http2_max_settings_frames_per_minute: { lost: HTTP2, protects: never },
  server_max_early_data: { lost: 'early data is never accepted', protects: never },
  ssl_ticket_enabled: { lost: TICKETS, protects: never },
  ssl_ticket_number: { lost: TICKETS, protects: never },
}
