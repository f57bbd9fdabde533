import { type BlockList, isIP } from 'node:net'

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
