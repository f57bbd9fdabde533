import { BlockList, isIP, isIPv6 } from 'node:net'

/** IPv4 networks that are not the public internet (IANA special-purpose registry), multicast included. */
const IPV4 = [
  ['0.0.0.0', 8], // this host
  ['10.0.0.0', 8],
  ['100.64.0.0', 10], // shared by carriers
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // link-local; the metadata services of clouds
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3], // multicast, reserved, broadcast
] as const

const IPV6 = [
  ['::', 96], // unspecified, loopback, IPv4-compatible
  ['::ffff:0:0:0', 96], // IPv4-translated
  ['64:ff9b:1::', 48], // NAT64 of one's own
  ['100::', 64], // discard
  ['2001::', 23], // Teredo, ORCHID, benchmarks
  ['2001:db8::', 32],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7], // unique local
  ['fe80::', 10],
  ['fec0::', 10], // site-local, once
  ['ff00::', 8],
] as const

const PRIVATE = makeList()

/** IPv4 addresses hide in IPv6: mapped (which BlockList sees through), behind NAT64 (RFC 6052), in 6to4 (RFC 3056). */
function makeList(): BlockList {
  const list = new BlockList()
  for (const [network, bits] of IPV6) list.addSubnet(network, bits, 'ipv6')
  for (const [network, bits] of IPV4) {
    list.addSubnet(network, bits, 'ipv4')
    list.addSubnet(`64:ff9b::${network}`, 96 + bits, 'ipv6')
    const [a, b, c, d] = network.split('.').map(Number)
    list.addSubnet(`2002:${hex(a, b)}:${hex(c, d)}::`, 16 + bits, 'ipv6')
  }
  return list
}

function hex(high = 0, low = 0): string {
  return (high * 256 + low).toString(16)
}

/** Whether an address is loopback, link-local, private or reserved. A zone (`%eth0`) makes it local in any case. */
export function isPrivateAddress(address: string): boolean {
  return address.includes('%') || PRIVATE.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
}

/** Where the proxy itself listens. */
export interface OwnListener {
  readonly address: string
  readonly port: number
}

/**
 * Whether a connection to this address and port would reach one of these listeners, however the address is spelled: as
 * an IPv4 address inside an IPv6 one, with a zone, as the unspecified one, which the system takes for the loopback.
 * @param address numeric
 * @param localAddresses of the network interfaces, where a listener on all of them answers; asked for when ports match
 */
export function reachesOwn(
  address: string,
  port: number,
  listeners: readonly OwnListener[],
  localAddresses: () => readonly string[],
): boolean {
  return listeners.some(listener => {
    if (listener.port !== port) return false
    const reached = isUnspecified(listener.address)
      ? [...localAddresses(), ...UNSPECIFIED]
      : [listener.address, ...(isLoopback(listener.address) ? UNSPECIFIED : [])]
    return (isUnspecified(listener.address) && isLoopback(address)) || isOneOf(address, reached)
  })
}

const UNSPECIFIED = ['0.0.0.0', '::']
const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

const isUnspecified = (address: string): boolean => isOneOf(address, UNSPECIFIED)
const isLoopback = (address: string): boolean => LOOPBACK.check(bare(address), familyOf(address))

/** Whether an address is one of those that are known of a name. One with a zone counts as one. */
export const isAmong = (address: string, known: readonly string[]): boolean =>
  known.includes(address) ||
  address.includes('%') ||
  isOneOf(
    address,
    known.filter(one => isIP(one) !== 0),
  )

/** A BlockList knows one address by all its spellings, IPv4 inside IPv6 included. */
function isOneOf(address: string, all: readonly string[]): boolean {
  const list = new BlockList()
  for (const one of all) list.addAddress(bare(one), familyOf(one))
  return list.check(bare(address), familyOf(address))
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(bare(address)) ? 'ipv6' : 'ipv4')
const bare = (address: string): string => address.replace(/%.*$/, '')
