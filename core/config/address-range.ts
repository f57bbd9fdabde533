import { BlockList, isIP } from 'node:net'
import { partsOf, type Reading } from './config-file.js'

const MAPPED = new BlockList()
MAPPED.addSubnet('::ffff:0:0', 96, 'ipv6')

/**
 * Addresses of clients or origins. A text about IPv6 is about no IPv4 address: a BlockList would have `::/0` and other
 * networks that contain ::ffff:0:0/96 hold for every IPv4 address. What is written inside ::ffff:0:0/96 is about IPv4.
 */
export class AddressSet {
  readonly #v4 = new BlockList()
  readonly #v6 = new BlockList()

  /** @returns false if the text is no address, network or range */
  add(text: string): boolean {
    return addRange(isAboutIpv6(text) ? this.#v6 : this.#v4, text)
  }

  /** @param address as a socket has it */
  has(address: string): boolean {
    const bare = address.replace(/%.*$/, '')
    const version = isIP(bare)
    if (version === 0) return false
    if (version === 4) return this.#v4.check(bare, 'ipv4')
    return (MAPPED.check(bare, 'ipv6') ? this.#v4 : this.#v6).check(bare, 'ipv6')
  }
}

function isAboutIpv6(text: string): boolean {
  const [first = '', bits] = text
    .trim()
    .split(/[/-]/)
    .map(part => part.trim())
  if (isIP(first) !== 6) return false
  const isNetwork = text.includes('/')
  return !MAPPED.check(first, 'ipv6') || (isNetwork && Number(bits) < 96)
}

/**
 * Adds `address`, `network/bits` or `first-last` to a list; `0/0` is every IPv4 address, as Traffic Server writes it.
 * @returns false if the text is none of these
 */
export function addRange(list: BlockList, text: string): boolean {
  const trimmed = text.trim()
  if (trimmed === '0/0') return addNetwork(list, '0.0.0.0', '0')
  const [, network, bits] = /^([^/\s]+)\/(\d{1,3})$/.exec(trimmed) ?? []
  if (network !== undefined && bits !== undefined) return addNetwork(list, network, bits)
  const [first = '', last, ...more] = trimmed.split('-').map(part => part.trim())
  if (last === undefined) return addSpan(list, first, first)
  return more.length === 0 && addSpan(list, first, last)
}

function addNetwork(list: BlockList, network: string, bits: string): boolean {
  const version = isIP(network)
  if (version === 0 || Number(bits) > (version === 6 ? 128 : 32)) return false
  list.addSubnet(network, Number(bits), version === 6 ? 'ipv6' : 'ipv4')
  return true
}

function addSpan(list: BlockList, first: string, last: string): boolean {
  const version = isIP(first)
  if (version === 0 || version !== isIP(last) || first.includes('%') || last.includes('%')) return false
  try {
    list.addRange(first, last, version === 6 ? 'ipv6' : 'ipv4')
    return true
  } catch {
    return false // the last comes before the first: Node's own comparison says so
  }
}

/** Reads a list of addresses, networks and ranges, separated by blanks or commas. */
export function readRanges(text: string): Reading<{ readonly addresses: AddressSet }> {
  const addresses = new AddressSet()
  const parts = partsOf(text.replace(/\s*-\s*/g, '-'))
  const wrong = parts
    .filter(part => !addresses.add(part))
    .map(part => `${JSON.stringify(part)} is no address, no network such as 10.0.0.0/8, and no range`)
  return { addresses, wrong: parts.length === 0 ? ['the list names no address'] : wrong }
}
