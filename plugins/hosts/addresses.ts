import { BlockList, isIP } from 'node:net'

const MAPPED = new BlockList()
MAPPED.addSubnet('::ffff:0:0', 96, 'ipv6')

/**
 * Reads addresses, networks (`10.0.0.0/8`) and ranges (`10.0.0.1-10.0.0.9`), with the meaning that they have in ip_allow.yaml:
 * an IPv6 network such as `::/0` contains no IPv4 address, unless it lies in ::ffff:0:0/96. A single BlockList would have it
 * contain all of them.
 * @returns whether an address is among them
 * @throws {Error} for what is none of these
 */
export function readAddresses(texts: readonly string[]): (address: string) => boolean {
  const v4 = new BlockList()
  const v6 = new BlockList()
  for (const text of texts) {
    const added = add(text.trim(), v4, v6)
    if (!added)
      throw new Error(
        `"${text}" is no address, no network such as 10.0.0.0/8, and no range such as 10.0.0.1-10.0.0.9`,
      )
  }
  return address => {
    const bare = address.replace(/%.*$/, '')
    if (isIP(bare) !== 6) return isIP(bare) === 4 && v4.check(bare)
    return (MAPPED.check(bare, 'ipv6') ? v4 : v6).check(bare, 'ipv6')
  }
}

/** False for a text that is none. */
function add(text: string, v4: BlockList, v6: BlockList): boolean {
  const [, first = '', sign, last = first] = /^([^/\s-]+)(?:\s*([/-])\s*(\S+))?$/.exec(text) ?? []
  const version = isIP(first)
  if (version === 0 || text.includes('%')) return false
  const family = version === 6 ? 'ipv6' : 'ipv4'
  const isMapped = version === 6 && MAPPED.check(first, 'ipv6')
  if (sign === '/') {
    if (!/^\d{1,3}$/.test(last) || Number(last) > (version === 6 ? 128 : 32)) return false
    const list = version === 4 || (isMapped && Number(last) >= 96) ? v4 : v6
    list.addSubnet(first, Number(last), family)
    return true
  }
  if (isIP(last) !== version) return false
  try {
    const list = version === 4 || isMapped ? v4 : v6
    list.addRange(first, last, family)
    return true
  } catch {
    return false // the last comes before the first
  }
}
