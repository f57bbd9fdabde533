import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { parseHost } from '../base/host.js'
import { type Problem, problemsError, quote, readConfigFile } from './config-file.js'
import { placed } from './record-place.js'
import type { Records } from './records-table.js'

/** Names with the addresses that a host file gives them, in its order. */
export type HostFile = ReadonlyMap<string, readonly string[]>

const RECORD = 'proxy.config.hostdb.host_file.path'

/**
 * What the file of proxy.config.hostdb.host_file.path says; without one, nothing.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, or PTC_RECORDS_INVALID with every bad line
 */
export function hostsOf(records: Records, confDir: string): HostFile {
  const file = records[RECORD]
  return file === null ? new Map() : loadHostFile(resolve(confDir, file), placed(records, RECORD))
}

/**
 * Reads a file in the format of /etc/hosts: an address, then its names.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, or PTC_RECORDS_INVALID with every bad line
 */
export function loadHostFile(path: string, record?: string): HostFile {
  const hosts = new Map<string, string[]>()
  const problems: Problem[] = []
  for (const [i, line] of readConfigFile(path, record).split('\n').entries()) {
    const [address = '', ...names] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/)
    if (address === '') continue
    const where = `${path}:${i + 1}`
    if (isIP(address) === 0) problems.push({ where, what: `${quote(address)} is not an address` })
    else if (names.length === 0) problems.push({ where, what: `no name behind ${address}` })
    for (const name of names) {
      const host = parseHost(name)
      if (host === undefined || host.isAddress)
        problems.push({ where, what: `${quote(name)} is not a host name` })
      else add(hosts, host.name, address)
    }
  }
  if (problems.length > 0) throw problemsError('PTC_RECORDS_INVALID', problems)
  return hosts
}

function add(hosts: Map<string, string[]>, name: string, address: string): void {
  const addresses = hosts.get(name)
  if (addresses === undefined) hosts.set(name, [address])
  else addresses.push(address)
}
