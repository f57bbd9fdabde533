import { networkInterfaces } from 'node:os'

/** Milliseconds for which the interfaces are remembered. */
const INTERVAL = 10_000

let checkedAt = Number.NEGATIVE_INFINITY
let hasIpv6 = false

/**
 * Whether this machine has a global IPv6 address. The system's resolver puts IPv6 first then, and IPv4 otherwise (RFC 6724):
 * an address that cannot be reached is not tried first.
 */
export function hasGlobalIpv6(): boolean {
  const now = performance.now()
  if (now - checkedAt < INTERVAL) return hasIpv6
  checkedAt = now
  hasIpv6 = Object.values(networkInterfaces()).some(addresses =>
    addresses?.some(({ address, internal }) => !internal && /^[23][0-9a-f]{3}:/i.test(address)),
  )
  return hasIpv6
}
