import { isIP } from 'node:net'
import { didYouMean } from '../base/nearest.js'
import { quote, readConfigFile, readItems } from './config-file.js'
import type { NamedFile } from './record-place.js'

/** One line of ssl_multicert.config: certificates with their keys, and the local address they are for. */
export interface MulticertLine {
  /** Undefined for `*`. IPv6 without brackets. */
  readonly destIp: string | undefined
  /** File names: a certificate each, with its issuers; several for keys of different types. */
  readonly certificates: readonly string[]
  /** As many as certificates; or none, when the keys are in the certificates' files. */
  readonly keys: readonly string[]
  /** Files with further issuers. */
  readonly issuers: readonly string[]
  /** `file:line` */
  readonly where: string
}

/** @throws {ProxyError} PTC_CONFIG_UNREADABLE or PTC_SSL_MULTICERT_INVALID */
export const loadSslMulticert = ({ path, by }: NamedFile): readonly MulticertLine[] =>
  parseSslMulticert(readConfigFile(path, by), path)

/**
 * Reads Traffic Server's syntax: pairs of `key=value`, separated by blanks; a value with blanks stands in quotes.
 * @throws {ProxyError} PTC_SSL_MULTICERT_INVALID, which names every bad line
 */
export const parseSslMulticert = (text: string, file: string): readonly MulticertLine[] =>
  readItems(text, file, 'PTC_SSL_MULTICERT_INVALID', readLine)

const KEYS = ['dest_ip', 'ssl_cert_name', 'ssl_key_name', 'ssl_ca_name']
/** Traffic Server's others. */
const UNSUPPORTED = /^(?:action|ssl_key_dialog|ssl_ticket_enabled|ssl_ticket_number|ssl_ocsp_name)$/

/** The line, or what is wrong with it. */
function readLine(line: string, where: string): MulticertLine | string {
  const values = new Map<string, string>()
  const rest = line.replace(
    /([^\s=]+)=(?:"([^"]*)"|(\S*))(?=\s|$)/g,
    (_, key: string, quoted?: string, plain?: string) => {
      values.set(values.has(key) ? `${key}=` : key, quoted ?? plain ?? '')
      return ''
    },
  )
  if (rest.trim() !== '') return `${quote(rest.trim())} is not key=value; the keys are ${KEYS.join(', ')}`
  for (const key of values.keys()) {
    if (key.endsWith('=')) return `${key.slice(0, -1)} is given twice`
    if (UNSUPPORTED.test(key)) return `${key} is not supported; remove it`
    if (!KEYS.includes(key))
      return `unknown key ${quote(key)}${didYouMean(key, KEYS) || `; the keys are ${KEYS.join(', ')}`}`
  }
  const dest = (values.get('dest_ip') ?? '*').replace(/^\[(.*)\]$/, '$1')
  if (dest !== '*' && isIP(dest) === 0) return `dest_ip must be an address or *, not ${quote(dest)}`
  const certificates = list(values.get('ssl_cert_name'))
  const keys = list(values.get('ssl_key_name'))
  if (certificates.length === 0) return 'there is no ssl_cert_name; add ssl_cert_name=FILE'
  if (keys.length > 0 && keys.length !== certificates.length)
    return `ssl_cert_name has ${counted(certificates)}, ssl_key_name has ${counted(keys)}; give each certificate its key`
  return {
    destIp: dest === '*' ? undefined : dest,
    certificates,
    keys,
    issuers: list(values.get('ssl_ca_name')),
    where,
  }
}

const counted = ({ length }: readonly string[]): string => `${length} file${length === 1 ? '' : 's'}`

const list = (text = ''): readonly string[] =>
  text
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
