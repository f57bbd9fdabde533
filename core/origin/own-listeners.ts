import { BlockList, isIPv6 } from 'node:net'

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

/** A BlockList knows one address by all its spellings, IPv4 inside IPv6 included. */
function isOneOf(address: string, all: readonly string[]): boolean {
  const list = new BlockList()
  for (const one of all) list.addAddress(bare(one), familyOf(one))
  return list.check(bare(address), familyOf(address))
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(bare(address)) ? 'ipv6' : 'ipv4')
const bare = (address: string): string => address.replace(/%.*$/, '')
