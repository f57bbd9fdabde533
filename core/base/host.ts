import { isIPv4, isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'

/** A host in the one form in which hosts are compared: {@link parseHost} and {@link parseHostBytes} make it. */
export interface Host {
  /**
   * A name in ASCII (A-labels), in lower case and without a final dot; or an address in its canonical form, IPv6 without
   * brackets, an IPv4-mapped one as IPv4.
   */
  readonly name: string
  readonly isAddress: boolean
}

/** RFC 1035 section 2.3.4. */
const MAX_NAME = 253
/** Names in use have underscores, and hyphens at either end, which RFC 952 does not know. */
const LABEL = /^[a-z0-9_-]{1,63}$/
/** Some resolvers read a name that ends like this as an IPv4 address: 127.1, 0x7f000001, 017700000001. */
const NUMERIC_END = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/
const PRINTABLE = /^[\x21-\x7e]*$/
const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/

/**
 * Reads a host: a name in ASCII or Unicode, or an address without brackets.
 * @returns undefined for what is neither
 */
export function parseHost(text: string): Host | undefined {
  if (isIPv6(text)) return parseIPv6(text)
  const lower = text.toLowerCase()
  const ascii = PRINTABLE.test(lower) ? lower : domainToASCII(text)
  const name = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii
  if (isIPv4(name)) return { name, isAddress: true }
  const isName =
    name.length <= MAX_NAME && !NUMERIC_END.test(name) && name.split('.').every(label => LABEL.test(label))
  return isName ? { name, isAddress: false } : undefined
}

/** As {@link parseHost}, of bytes off the wire in a Latin-1 string: what is not ASCII there must be UTF-8. */
export function parseHostBytes(latin1: string): Host | undefined {
  if (PRINTABLE.test(latin1)) return parseHost(latin1)
  const text = decodeUtf8(latin1)
  return text === undefined ? undefined : parseHost(text)
}

/** Bytes in a Latin-1 string as the text that they are in UTF-8; undefined if they are none. */
export function decodeUtf8(latin1: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(latin1, 'latin1'))
  } catch {
    return undefined
  }
}

/** As a host stands in a URL or a Host field: IPv6 in brackets. */
export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** A zone (`%eth0`) is no part of an address that others could mean, too. */
function parseIPv6(text: string): Host | undefined {
  if (text.includes('%')) return undefined
  const name = new URL(`http://[${text}]/`).hostname.slice(1, -1)
  const [, high, low] = MAPPED.exec(name) ?? []
  if (high === undefined || low === undefined) return { name, isAddress: true }
  const value = Number.parseInt(high, 16) * 0x10000 + Number.parseInt(low, 16)
  return { name: [24, 16, 8, 0].map(shift => (value >>> shift) & 0xff).join('.'), isAddress: true }
}
