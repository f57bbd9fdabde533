import { isIP } from 'node:net'
import { parseHost } from '../base/host.js'
import { type Problem, problemsError, quote, readConfigFile } from './config-file.js'
import type { NamedFile } from './record-place.js'

/** Names with the addresses that a host file gives them, in its order. */
export type HostFile = ReadonlyMap<string, readonly string[]>

/**
 * Reads a file in the format of /etc/hosts: an address, then its names. Without a file there are no names.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, or PTC_RECORDS_INVALID with every bad line
 */
export function loadHostFile(file: NamedFile | undefined): HostFile {
  if (file === undefined) return new Map()
  const { path, by } = file
  const hosts = new Map<string, string[]>()
  const problems: Problem[] = []
  for (const [i, line] of readConfigFile(path, by).split('\n').entries()) {
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
