import { wordSet } from '../base/text.js'

// Longer than 100 lines because every key of a rule is one row, and rows read best in one place.
/**
 * The schema of sni.yaml: what the program validates with is what editors are shipped (etc/sni.schema.json, kept equal
 * by a test). `shape` is ours: what a pattern asks for, in words.
 */

const FILE = { type: 'string', pattern: '^\\S+$', shape: 'a file name without blanks' } as const
const LIST = {
  type: 'string',
  pattern: '^\\S+$',
  shape: 'a list in the syntax of OpenSSL, without blanks',
} as const
const NAME = {
  type: 'string',
  pattern: '^[^\\s*/:]+$',
  shape: 'a host name',
} as const
const MILLISECONDS = {
  type: 'integer',
  minimum: 1,
  maximum: 2_147_483_647,
  shape: 'milliseconds, 1 or more',
} as const
const TLS_VERSION = { enum: ['TLSv1_2', 'TLSv1_3'] } as const

const SPKI_PIN = {
  type: 'string',
  pattern: '^[A-Za-z0-9+/]{43}=$',
  shape: 'the SHA-256 of a SubjectPublicKeyInfo in base64: 43 characters and a =',
} as const
const CERT_PIN = {
  type: 'string',
  pattern: '^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$',
  shape: 'the SHA-256 of a certificate: 64 hexadecimal digits, colons or not',
} as const

const SAN_MATCHER = {
  type: 'object',
  properties: {
    type: { enum: ['dns', 'ip', 'uri', 'email'] },
    exact: { type: 'string', minLength: 1 },
    prefix: { type: 'string', minLength: 1 },
    suffix: { type: 'string', minLength: 1 },
    regex: { type: 'string', minLength: 1 },
  },
  required: ['type'],
  additionalProperties: false,
  minProperties: 2,
  maxProperties: 2,
  shape: 'a type (dns, ip, uri, email) and one of exact, prefix, suffix and regex',
} as const

/** Every key of a rule. Those of the first group are Traffic Server's. */
export const RULE_KEYS = {
  fqdn: {
    type: 'string',
    pattern: '^(\\*|[^\\s*/]+|\\*[^\\s*/]+)$',
    shape: 'a name or an address, or a name behind one leading *',
    description:
      'Which origins the rule is for, by the name in the URL: `example.com`, or `*.example.com` for every name that ends so. The first rule that matches counts, and no other.',
  },
  verify_server_policy: {
    enum: ['ENFORCED', 'PERMISSIVE', 'DISABLED'],
    description:
      'How far a failed built-in check binds: ENFORCED rejects, PERMISSIVE logs and goes on, DISABLED does not look. Record: proxy.config.ssl.client.verify.server.policy.',
  },
  verify_server_properties: {
    enum: ['ALL', 'SIGNATURE', 'NAME', 'NONE'],
    description:
      'What the built-in check looks at: the SIGNATURE chain, the NAME, ALL of it, or NONE. Record: proxy.config.ssl.client.verify.server.properties.',
  },
  client_cert: {
    ...FILE,
    description:
      'A PEM file with the certificate and chain to show to these origins; relative to proxy.config.ssl.client.cert.path.',
  },
  client_key: {
    ...FILE,
    description:
      'A PEM file with the key of client_cert; relative to proxy.config.ssl.client.private_key.path. Default: client_cert itself.',
  },
  client_sni_policy: {
    type: 'string',
    pattern: '^(host|@[^\\s*/:]+)$',
    shape: 'host, or @ and a name (a forward proxy has no remap rules for the others)',
    description: 'The name announced to the origin: `host`, or `@name` for a fixed one.',
  },
  verify_server: {
    enum: [0, 1, 2],
    description:
      'What judges: 0 nothing, 1 only the built-in check, 2 the built-in check and the plugins. Record: proxy.config.ssl.client.verify.server.',
  },
  verify_server_override: {
    enum: [0, 1],
    description:
      '1 asks the plugins even when the built-in check has failed, and lets them overrule it. Record: proxy.config.ssl.client.verify.server.override.',
  },
  verify_server_ca: {
    ...FILE,
    description:
      'A PEM file with the only roots trusted for these origins; relative to proxy.config.ssl.client.CA.cert.path.',
  },
  verify_server_crl: {
    ...FILE,
    description:
      'A PEM file with complete revocation lists in force. Every authority of the chain must then have one; relative to proxy.config.ssl.client.CA.cert.path. Delta and indirect lists, those of some reasons, expired ones and those of a wrong signer are errors at the start.',
  },
  verify_server_crl_depth: {
    enum: ['LEAF', 'CHAIN'],
    description: 'LEAF asks the lists about the leaf alone. Default: CHAIN.',
  },
  verify_server_name: {
    ...NAME,
    description: 'A second name: a certificate for it is as good as one for the origin.',
  },
  verify_server_san: {
    type: 'array',
    minItems: 1,
    items: SAN_MATCHER,
    shape: 'a list of matchers',
    description:
      'The leaf must have an alternative name that one of these matches. Checked beside the name, whatever the properties say; where the signature is checked, once it is good. `regex` is of RE2 and must match the whole name.',
  },
  verify_server_spki: {
    type: 'array',
    minItems: 1,
    items: SPKI_PIN,
    shape: 'a list of pins',
    description: "SHA-256 pins of the leaf's public key, base64. One match in either list of pins is enough.",
  },
  verify_server_cert_sha256: {
    type: 'array',
    minItems: 1,
    items: CERT_PIN,
    shape: 'a list of pins',
    description: 'SHA-256 pins of the leaf itself, hexadecimal. One match in either list of pins is enough.',
  },
  verify_server_min_rsa_bits: {
    type: 'integer',
    minimum: 1024,
    maximum: 16_384,
    shape: 'a number of bits from 1024 to 16384',
    description: 'The least size of an RSA key anywhere in the chain. OpenSSL asks for 2048 in any case.',
  },
  verify_server_min_ec_bits: {
    type: 'integer',
    minimum: 160,
    maximum: 521,
    shape: 'a number of bits from 160 to 521',
    description: 'The least size of an elliptic-curve key anywhere in the chain.',
  },
  verify_deadline_ms: {
    ...MILLISECONDS,
    description:
      'How long all plugins together may hold a handshake. Record: proxy.config.ssl.client.verify.deadline.',
  },
  client_tls_version_min: { ...TLS_VERSION, description: 'The oldest version of TLS offered.' },
  client_tls_version_max: { ...TLS_VERSION, description: 'The newest version of TLS offered.' },
  client_cipher_suite: {
    ...LIST,
    description:
      'The cipher suites offered in TLS 1.2, in the syntax of OpenSSL. Record: proxy.config.ssl.client.cipher_suite.',
  },
  client_TLSv1_3_cipher_suites: {
    ...LIST,
    description:
      'The cipher suites offered in TLS 1.3. Record: proxy.config.ssl.client.TLSv1_3.cipher_suites.',
  },
  client_groups_list: {
    ...LIST,
    description:
      'The key exchange groups offered. With OpenSSL 3.5 a * before a group sends a key share for it, so that two shares are sent with `*X25519:*P-256`. Record: proxy.config.ssl.client.groups_list.',
  },
  client_alpn: {
    type: 'array',
    enum: [[], ['http/1.1'], ['h2', 'http/1.1']],
    shape: '[], [http/1.1] or [h2, http/1.1]',
    description:
      'The protocols offered by ALPN; [] offers none. Record: proxy.config.ssl.client.alpn_protocols.',
  },
  client_sni: {
    type: ['string', 'null'],
    pattern: '^[^\\s*/:]*$',
    shape: 'a name, or null (or empty) for none',
    description:
      'The name announced to the origin instead of its own; null announces none. The name that is checked stays.',
  },
  connect_verify: {
    enum: ['probe', 'bump', 'tunnel'],
    description: 'How the origin behind a CONNECT is verified. Record: proxy.config.http.connect.verify.',
  },
  connect_timeout_ms: {
    ...MILLISECONDS,
    description:
      'How long the TCP connection may take. Record: proxy.config.http.connect_attempts_timeout (seconds).',
  },
  handshake_timeout_ms: {
    ...MILLISECONDS,
    description:
      "How long the origin's part of the handshake may take. Record: proxy.config.ssl.client.handshake_timeout (seconds).",
  },
  total_timeout_ms: {
    ...MILLISECONDS,
    description:
      'How long connection and handshake may take together; the time plugins hold the handshake does not count.',
  },
} as const

/** Keys of Traffic Server's that are about its clients, or its remap rules. */
export const INBOUND_KEYS = wordSet(`
  inbound_port_ranges ip_allow verify_client verify_client_ca_certs host_sni_policy valid_tls_versions_in
  valid_tls_version_min_in valid_tls_version_max_in server_cipher_suite server_TLSv1_3_cipher_suites
  server_groups_list ssl_ticket_enabled ssl_ticket_number server_max_early_data http2 quic tunnel_route
  forward_route partial_blind_route tunnel_alpn disable_h2
`)

export const RULES_SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'sni.yaml of Portcullis: how each origin is verified',
  type: ['object', 'null'],
  properties: {
    sni: {
      type: ['array', 'null'],
      description: 'The rules. Their order matters: the first that matches an origin counts.',
      shape: 'a list of rules',
      items: {
        type: 'object',
        properties: RULE_KEYS,
        required: ['fqdn'],
        additionalProperties: false,
        shape: 'a rule: keys and values',
      },
    },
  },
  additionalProperties: false,
  shape: 'the key sni with a list of rules',
} as const
