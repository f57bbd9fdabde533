import { BlockList } from 'node:net'
import { words } from '../../base/text.js'
import { addRange } from '../../config/address-range.js'

/** Leading zeros in parts of an IPv4 address are decimal in Traffic Server; elsewhere they would be octal. */
const plain = (text: string): string => text.replace(/(?<![\d.a-f:])0+(?=\d)|(?<=\.)0+(?=\d)/gi, '')

/** An address, a network or a range as ip_allow.yaml takes it; undefined for what is none. */
export function addressText(text: string): string | undefined {
  const trimmed = text.trim()
  const decimal = trimmed.includes(':') ? trimmed : plain(trimmed)
  return addRange(new BlockList(), decimal) ? decimal : undefined
}

/** Whether a text covers all addresses of a family. */
export const isEverybody = (text: string): boolean =>
  /^(?:0\/0|0\.0\.0\.0\/0|0\.0\.0\.0-255\.255\.255\.255|::\/0|::-(?:ffff:){7}ffff|all)$/i.test(text)

/** Networks that proxy.config.http.deny_private_origins refuses; the last holds IPv4 in IPv6, which is looked into. */
const PRIVATE = words(`
  0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 ::/96 fc00::/7
  fe80::/10 ::ffff:0:0/96
`).map(network => {
  const list = new BlockList()
  addRange(list, network)
  return { list, bits: Number(network.split('/')[1]) }
})

/** Whether all addresses of a text that {@link addressText} made are private. */
export function isPrivateRange(text: string): boolean {
  const [network = '', bits] = text.split('/')
  const [first = '', last = first] = network.split('-').map(part => part.trim())
  const family = first.includes(':') ? 'ipv6' : 'ipv4'
  return PRIVATE.some(
    known =>
      (bits === undefined || Number(bits) >= known.bits) &&
      known.list.check(first, family) &&
      known.list.check(last, family),
  )
}
