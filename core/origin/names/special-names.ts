import type { Outcome } from './source.js'
import type { Hosts } from './system-files.js'

/** As the system's resolver orders them. */
const LOOPBACK: readonly string[] = ['::1', '127.0.0.1']

/**
 * Names that no name server is asked about (RFC 6761 sections 6.3 and 6.4, RFC 7686): `localhost` is this machine, also with
 * labels in front; `invalid` and `onion` have no addresses in the DNS.
 * @param name in lower case, without a dot at the end
 * @param hosts /etc/hosts, which may say which loopback addresses `localhost` has
 */
export function specialName(name: string, hosts: Hosts | undefined): Outcome | undefined {
  if (name === 'localhost' || name.endsWith('.localhost')) {
    const own = (hosts?.get(name) ?? []).filter(address => address === '::1' || address.startsWith('127.'))
    return { addresses: own.length > 0 ? own : LOOPBACK, ttl: 0 }
  }
  const isNone = /(?:^|\.)(?:invalid|onion)$/.test(name)
  return isNone ? { failed: 'ENOTFOUND' } : undefined
}
