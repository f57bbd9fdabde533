import { isIPv4 } from 'node:net'
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

/** The eight words of an IPv6 address, without brackets and zone. */
function ipv6Words(address: string): readonly string[] {
  const [front = '', back] = address.split('::')
  const words = (text: string): readonly string[] => (text === '' ? [] : text.split(':'))
  const [head, tail] = [words(front), words(back ?? '')]
  const zeros = back === undefined ? 0 : Math.max(8 - head.length - tail.length, 0)
  return [...head, ...Array<string>(zeros).fill('0'), ...tail]
}

/** The bytes of an address, 4 or 16. @param address numeric, IPv6 without brackets and zone */
export function addressBytes(address: string): readonly number[] {
  if (isIPv4(address)) return address.split('.').map(Number)
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  return ipv6Words(canonical).flatMap(word => {
    const value = Number.parseInt(word, 16)
    return [value >> 8, value & 0xff]
  })
}

/** An address from its 4 or 16 bytes; IPv6 in its canonical form, without brackets. */
export function addressOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const words = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  )
  return new URL(`http://[${words.join(':')}]/`).hostname.slice(1, -1)
}
