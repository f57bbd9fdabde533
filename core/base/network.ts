import { ipv6Words } from './address-bytes.js'
import { hostOf } from './authority.js'

/**
 * What stands for a client wherever clients share something: its address, or of IPv6 the 64 bits that one customer is
 * given. An IPv4 address is taken whole: its neighbours are other customers.
 * @param address as a socket has it, without brackets and port
 */
export function networkOfAddress(address: string): string {
  if (!address.includes(':')) return address
  const v4 = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (v4 !== undefined) return v4
  return ipv6Words(address).slice(0, 4).join(':')
}

/** The same of an `address:port`. */
export const networkOf = (remoteAddress: string): string => networkOfAddress(hostOf(remoteAddress))
