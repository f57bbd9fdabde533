/** Settings of TLS with clients. */
import { fileOf, placed } from '../config/record-place.js'
import type { Records } from '../config/records-table.js'

const SECOND = 1000
const CA_FILE = 'proxy.config.ssl.CA.cert.filename'
const CA_PATH = 'proxy.config.ssl.CA.cert.path'
const GROUPS = 'proxy.config.ssl.server.groups_list'
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
    groups: records[GROUPS] ?? undefined,
    /** The record of the groups, as errors call it. */
    groupsBy: placed(records, GROUPS),
    clients: clientCertificates(records, confDir),
    authority: Object.freeze({
      certificate: fileOf(records, 'proxy.config.ssl.bump.CA.cert.filename', confDir),
      key: fileOf(records, 'proxy.config.ssl.bump.CA.private_key.filename', confDir),
    }),
  })
}

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
  })
}
