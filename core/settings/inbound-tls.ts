/** Settings of TLS with clients. */
import { fileOf, placed } from '../config/record-place.js'
import type { Records } from '../config/records-table.js'

const SECOND = 1000
const CA_FILE = 'proxy.config.ssl.CA.cert.filename'
const CA_PATH = 'proxy.config.ssl.CA.cert.path'
const CRL_FILE = 'proxy.config.ssl.CA.crl.filename'
const MIN = 'proxy.config.ssl.server.version.min'
const MAX = 'proxy.config.ssl.server.version.max'
const [TLS_1_2, TLS_1_3] = ['TLSv1.2', 'TLSv1.3'] as const
const LEVELS = {
  port: 'proxy.config.ssl.client.certification_level',
  bump: 'proxy.config.ssl.bump.client.certification_level',
} as const
const CERTIFICATION = ['none', 'optional', 'required'] as const

/** Clients of `ssl` ports, and those inside a CONNECT that is bumped. */
export type ClientKind = keyof typeof LEVELS

export type InboundTlsSettings = ReturnType<typeof inboundTlsSettings>

export function inboundTlsSettings(records: Records, confDir: string) {
  const path = (name: 'proxy.config.ssl.server.cert.path' | 'proxy.config.ssl.server.private_key.path') =>
    fileOf(records, name, confDir)?.path ?? confDir
  return Object.freeze({
    /** Milliseconds for a whole handshake, plugins included. */
    handshakeTimeout: records['proxy.config.ssl.handshake_timeout_in'] * SECOND,
    multicert: fileOf(records, 'proxy.config.ssl.server.multicert.filename', confDir),
    certificateDir: path('proxy.config.ssl.server.cert.path'),
    keyDir: path('proxy.config.ssl.server.private_key.path'),
    oldest: records[MIN] === 3 || records['proxy.config.ssl.TLSv1_2'] === 0 ? TLS_1_3 : TLS_1_2,
    newest: records[MAX] === 2 || records['proxy.config.ssl.TLSv1_3'] === 0 ? TLS_1_2 : TLS_1_3,
    /** Lists in the syntax of OpenSSL, and their records, as errors call them. */
    lists: Object.freeze({
      groups: list(records, 'proxy.config.ssl.server.groups_list'),
      ciphers: list(records, 'proxy.config.ssl.server.cipher_suite'),
      cipherSuites: list(records, 'proxy.config.ssl.server.TLSv1_3.cipher_suites'),
    }),
    clients: clientCertificates(records, confDir),
    authority: Object.freeze({
      certificate: fileOf(records, 'proxy.config.ssl.bump.CA.cert.filename', confDir),
      key: fileOf(records, 'proxy.config.ssl.bump.CA.private_key.filename', confDir),
    }),
  })
}

type ListName =
  | 'proxy.config.ssl.server.groups_list'
  | 'proxy.config.ssl.server.cipher_suite'
  | 'proxy.config.ssl.server.TLSv1_3.cipher_suites'

const list = (records: Records, name: ListName) =>
  Object.freeze({ text: records[name] ?? undefined, by: placed(records, name) })

/** Which certificates clients have to show. */
function clientCertificates(records: Records, confDir: string) {
  const asking = Object.values(LEVELS).find(level => records[level] > 0)
  const folder = fileOf(records, CA_PATH, confDir)
  const levelOf = (kind: ClientKind) => CERTIFICATION[records[LEVELS[kind]]] ?? 'required'
  return Object.freeze({
    /** The first record that asks clients for certificates, with its value, as errors call it; undefined for none. */
    askedBy: asking && `${placed(records, asking)} is ${records[asking]}`,
    level: Object.freeze({ port: levelOf('port'), bump: levelOf('bump') }),
    /** File or folder of the authorities of clients. */
    anchors: fileOf(records, CA_FILE, folder?.path ?? confDir) ?? folder,
    /** Revocation lists of these authorities. */
    crl: fileOf(records, CRL_FILE, folder?.path ?? confDir),
  })
}
