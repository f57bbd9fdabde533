/** Settings of connections to origins and parents. Times are in milliseconds, sizes in bytes. */
import { fileOf, placed } from '../config/record-place.js'
import { readingOf } from '../config/records.js'
import { RECORDS, type Records } from '../config/records-table.js'
import { frameRates } from './http.js'

const SECOND = 1000
const ALPN = 'proxy.config.ssl.client.alpn_protocols'
const RESOLV_CONF = 'proxy.config.dns.resolv_conf'
const NAMESERVERS = 'proxy.config.dns.nameservers'
/** Idle connections to all origins together: in multiples of those to one, and as many as one may have, at least. */
const IDLE_ORIGINS = 16
const MAX_IDLE = 1024

const allIdle = (perOrigin: number): number =>
  Math.max(perOrigin, Math.min(perOrigin * IDLE_ORIGINS, MAX_IDLE))

export const originSettings = (records: Records) =>
  Object.freeze({
    connectTimeout: records['proxy.config.http.connect_attempts_timeout'] * SECOND,
    attemptDelay: records['proxy.config.http.connect_attempts_delay'],
    pool: Object.freeze({
      maxIdle: allIdle(records['proxy.config.http.origin_max_idle']),
      maxIdlePerKey: records['proxy.config.http.origin_max_idle'],
      idleTimeout: records['proxy.config.http.keep_alive_no_activity_timeout_out'] * SECOND,
    }),
    isCoalescing: records['proxy.config.http2.connection_coalescing_out'] === 1,
    http2: Object.freeze({
      maxStreams: records['proxy.config.http2.max_concurrent_streams_out'],
      window: records['proxy.config.http2.initial_window_size_out'],
      maxFrame: records['proxy.config.http2.max_frame_size'],
      headerTable: records['proxy.config.http2.header_table_size'],
      idleTimeout: records['proxy.config.http2.no_activity_timeout_out'] * SECOND,
      maxHeadBytes: records['proxy.config.http.response_header_max_size'],
      hasPrivateLogins: records['proxy.config.http.auth_server_session_private'] === 1,
      // A reset is an answer to a request, so requests bound them.
      rates: Object.freeze({ ...frameRates(records), rstStream: Number.POSITIVE_INFINITY }),
    }),
    http1: Object.freeze({
      maxHeadBytes: records['proxy.config.http.response_header_max_size'],
      hasPrivateLogins: records['proxy.config.http.auth_server_session_private'] === 1,
      isLenient: records['proxy.config.http.origin_leniency'] === 1,
    }),
  })

export type NameSettings = ReturnType<typeof nameSettings>

export const nameSettings = (records: Records, confDir: string) =>
  Object.freeze({
    isSystem: records['proxy.config.dns.resolver'] === 'system',
    /** Undefined: those of resolv.conf. */
    nameservers:
      records[NAMESERVERS] === null ? undefined : Object.freeze(readingOf(records, NAMESERVERS).servers),
    resolvConf: fileOf(records, RESOLV_CONF, confDir),
    usesSearch: records['proxy.config.dns.search_default_domains'] === 1,
    inFlight: Object.freeze({
      total: records['proxy.config.dns.max_dns_in_flight'],
      perClient: records['proxy.config.dns.max_in_flight_per_client'],
    }),
    timeout: records['proxy.config.hostdb.lookup_timeout'] * SECOND,
    cache: Object.freeze({
      found: records['proxy.config.hostdb.timeout'] * SECOND,
      failed: records['proxy.config.hostdb.fail.timeout'] * SECOND,
      maxBytes: records['proxy.config.hostdb.max_size'],
    }),
    hostFile: fileOf(records, 'proxy.config.hostdb.host_file.path', confDir),
  })

export type VerificationSettings = ReturnType<typeof verificationSettings>

/** How origins are verified where no rule of sni.yaml says otherwise. */
export const verificationSettings = (records: Records, confDir: string) =>
  Object.freeze({
    http2: Object.freeze({
      isOn: records['proxy.config.http2.enabled'] === 1,
      /** Whether it is offered by ALPN; undefined where the record does not say. */
      isOffered: records[ALPN] === null ? undefined : records[ALPN] !== 'http/1.1',
      connectMode: records['proxy.config.http.connect.verify'],
    }),
    terms: Object.freeze({
      verify: records['proxy.config.ssl.client.verify.server'],
      policy: records['proxy.config.ssl.client.verify.server.policy'],
      properties: records['proxy.config.ssl.client.verify.server.properties'],
      override: records['proxy.config.ssl.client.verify.server.override'],
    }),
    /** For all plugins together. */
    deadline: records['proxy.config.ssl.client.verify.deadline'],
    /** New connections for an origin whose connection ends while plugins are asked. */
    redials: records['proxy.config.ssl.client.verify.redials'],
    /** When the connection of a held handshake is ended on purpose; 0 never. */
    releaseAfter: records['proxy.config.ssl.client.verify.release_after'] * SECOND,
    /** What the origin may take for its part of a handshake. */
    handshakeTimeout: records['proxy.config.ssl.client.handshake_timeout'] * SECOND,
    /** Whether a plugin has to answer within its call. */
    isSynchronous: records['proxy.config.ssl.client.verify.async'] === 0,
    isReverified: records['proxy.config.ssl.origin_session_cache.reverify_on_resume'] === 1,
    maxVerdicts: records['proxy.config.ssl.client.verify.cache_size'],
    rules: fileOf(records, 'proxy.config.ssl.servername.filename', confDir),
  })

const CA_FILE = 'proxy.config.ssl.client.CA.cert.filename'
const CA_PATH = 'proxy.config.ssl.client.CA.cert.path'
const CERT_FILE = 'proxy.config.ssl.client.cert.filename'
const CERT_PATH = 'proxy.config.ssl.client.cert.path'
const KEY_FILE = 'proxy.config.ssl.client.private_key.filename'
const KEY_PATH = 'proxy.config.ssl.client.private_key.path'
const CIPHERS = 'proxy.config.ssl.client.cipher_suite'
const CIPHER_SUITES = 'proxy.config.ssl.client.TLSv1_3.cipher_suites'
const GROUPS = 'proxy.config.ssl.client.groups_list'

/** OpenSSL may refuse the value of any of these, and its error names the value only. */
const REFUSABLE = [CIPHERS, CIPHER_SUITES, GROUPS, CERT_FILE, CA_FILE, CA_PATH] as const

export type OutboundTlsSettings = ReturnType<typeof outboundTlsSettings>

/** What TLS contexts towards origins are made of where no rule of sni.yaml says otherwise. */
export function outboundTlsSettings(records: Records, confDir: string) {
  const folders = {
    ca: fileOf(records, CA_PATH, confDir),
    certificate: fileOf(records, CERT_PATH, confDir),
    key: fileOf(records, KEY_PATH, confDir),
  }
  /** Where relative names in rules begin. */
  const folderOf = {
    ca: folders.ca?.path ?? confDir,
    certificate: folders.certificate?.path ?? confDir,
    key: folders.key?.path ?? confDir,
  }
  return Object.freeze({
    folderOf: Object.freeze(folderOf),
    /** Undefined: the roots that come with Node. */
    anchors: fileOf(records, CA_FILE, folderOf.ca) ?? folders.ca,
    certificate: fileOf(records, CERT_FILE, folderOf.certificate),
    /** Undefined: the key is in the file of the certificate. */
    key: fileOf(records, KEY_FILE, folderOf.key),
    keyBy: placed(records, KEY_FILE),
    hasTls12: records['proxy.config.ssl.client.TLSv1_2'] === 1,
    hasTls13: records['proxy.config.ssl.client.TLSv1_3'] === 1,
    ciphers: records[CIPHERS] ?? undefined,
    cipherSuites: records[CIPHER_SUITES] ?? undefined,
    groups: records[GROUPS] ?? undefined,
    /** Without HTTP/2, which is offered for each connection. */
    alpn: Object.freeze(records[ALPN] === null ? [] : ['http/1.1']),
    isStrict: records['proxy.config.ssl.client.verify.server.strict'] === 1,
    /** How many sessions with origins are kept; undefined where none are. */
    maxSessions:
      records['proxy.config.ssl.origin_session_cache'] === 1
        ? records['proxy.config.ssl.origin_session_cache.size']
        : undefined,
    keyLog: fileOf(records, 'proxy.config.ssl.keylog_file', confDir),
    keyLogName: records['proxy.config.ssl.keylog_file'],
    /** The records that may be at fault when OpenSSL refuses the context, as errors call them. */
    suspects: Object.freeze(
      REFUSABLE.filter(name => records[name] !== RECORDS[name].default).map(name => placed(records, name)),
    ),
  })
}

const PARENTS = 'proxy.config.http.parent_proxies'

const HEADERS = { '-1': 'none', 0: 'received', 1: 1, 2: 2 } as const

export type ParentSettings = ReturnType<typeof parentSettings>

export const parentSettings = (records: Records, confDir: string) =>
  Object.freeze({
    file: fileOf(records, 'proxy.config.http.parent_proxy.file', confDir),
    /** For requests that no line of the file matches. */
    others: records[PARENTS] ?? undefined,
    othersBy: placed(records, PARENTS),
    othersCredentials: fileOf(records, 'proxy.config.http.parent_proxies.credentials', confDir),
    /** The roots of https parents; undefined: those of origins. */
    anchors: fileOf(records, 'proxy.config.http.parent_proxy.CA.cert.filename', confDir),
    fromEnvironment: records['proxy.config.http.parent_from_env'] === 1,
    /** What announces clients by the PROXY protocol, to origins and parents. */
    header: HEADERS[records['proxy.config.http.proxy_protocol_out']],
    failThreshold: records['proxy.config.http.parent_proxy.fail_threshold'],
    retryTime: records['proxy.config.http.parent_proxy.retry_time'] * SECOND,
    attempts: records['proxy.config.http.parent_proxy.total_connect_attempts'],
    connectTimeout: records['proxy.config.http.parent_proxy.connect_attempts_timeout'] * SECOND,
    resolvesHere: records['proxy.config.http.no_dns_just_forward_to_parent'] === 0,
  })
