/**
 * The PROXY protocol of HAProxy, versions 1 and 2: what a relay says at the begin of a connection about the one that it
 * relays. Bytes in, facts out, and back.
 */
import { isIP, isIPv4 } from 'node:net'
import { addressBytes, addressOf } from '../base/network.js'

/** Both ends of the connection that is relayed, as the relay has announced them. */
export interface Announced {
  readonly version: 1 | 2
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  /** What else version 2 has said, type, length and value each; passed on as it is. */
  readonly tlvs: Buffer
}

/** `announced` is undefined where the relay speaks for itself (LOCAL, UNKNOWN). */
export type HeaderReading =
  | { readonly kind: 'header'; readonly announced: Announced | undefined; readonly end: number }
  | { readonly kind: 'more' }
  | { readonly kind: 'malformed'; readonly why: string }

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n')
const V1_START = 'PROXY '
/** The longest line of version 1, CR LF included. */
const MAX_LINE = 107
/** Bytes behind the fixed part of version 2: addresses, and values such as a client's certificate. */
const MAX_REST = 16_384
const MORE: HeaderReading = { kind: 'more' }

const malformed = (why: string): HeaderReading => ({ kind: 'malformed', why })

/** Reads from the first byte of the connection on. */
export function readHeader(bytes: Buffer): HeaderReading {
  const start = bytes.subarray(0, SIGNATURE.length)
  if (start.equals(SIGNATURE.subarray(0, start.length)))
    return start.length < SIGNATURE.length ? MORE : readV2(bytes)
  const text = bytes.toString('latin1', 0, MAX_LINE)
  if (!V1_START.startsWith(text.slice(0, V1_START.length))) return malformed('there is no PROXY header')
  return readV1(text)
}

const LINE = /^PROXY (TCP4|TCP6) (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/

function readV1(text: string): HeaderReading {
  const lineEnd = text.indexOf('\r\n')
  if (lineEnd === -1) return text.length < MAX_LINE ? MORE : malformed('its line has no end')
  const line = text.slice(0, lineEnd)
  const end = lineEnd + 2
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: 'header', announced: undefined, end }
  const [, family, remoteAddress = '', localAddress = '', remotePort, localPort] = LINE.exec(line) ?? []
  const version = family === 'TCP4' ? 4 : 6
  const ports = [Number(remotePort), Number(localPort)] as const
  const isRight =
    isIP(remoteAddress) === version && isIP(localAddress) === version && ports.every(port => port <= 65_535)
  if (family === undefined || !isRight || line.includes('%')) return malformed('its line cannot be read')
  const ends = { remoteAddress, localAddress, remotePort: ports[0], localPort: ports[1] }
  return { kind: 'header', announced: { version: 1, ...ends, tlvs: Buffer.alloc(0) }, end }
}

const FIXED = 16
const LOCAL = 0x20
const PROXY = 0x21
const UNSPEC = 0x00
const TCP4 = 0x11
const TCP6 = 0x21

function readV2(bytes: Buffer): HeaderReading {
  const [command, family] = bytes.subarray(SIGNATURE.length)
  if (command !== undefined && command !== LOCAL && command !== PROXY)
    return malformed('its version or command is unknown')
  if (bytes.length < FIXED || family === undefined) return MORE
  const length = bytes.readUInt16BE(FIXED - 2)
  if (length > MAX_REST) return malformed(`it has ${length} bytes, at most ${MAX_REST} are read`)
  const end = FIXED + length
  if (bytes.length < end) return MORE
  if (command === LOCAL || family === UNSPEC) return { kind: 'header', announced: undefined, end }
  const size = family === TCP4 ? 4 : family === TCP6 ? 16 : undefined
  if (size === undefined) return malformed('its connection has no address that could be judged')
  const addresses = bytes.subarray(FIXED, FIXED + 2 * size + 4)
  if (length < addresses.length || addresses.length < 2 * size + 4)
    return malformed('its addresses are cut off')
  const tlvs = Buffer.from(bytes.subarray(FIXED + 2 * size + 4, end))
  if (!areWhole(tlvs)) return malformed('its values are cut off')
  if (!hasRightChecksum(bytes.subarray(0, end), tlvs)) return malformed('its checksum (CRC32c) is wrong')
  return {
    kind: 'header',
    end,
    announced: {
      version: 2,
      remoteAddress: addressOf(addresses.subarray(0, size)),
      localAddress: addressOf(addresses.subarray(size, 2 * size)),
      remotePort: addresses.readUInt16BE(2 * size),
      localPort: addresses.readUInt16BE(2 * size + 2),
      tlvs,
    },
  }
}

/** Type, length and value, to the last byte. */
function* valuesOf(
  tlvs: Buffer,
): Generator<{ readonly type: number; readonly end: number; readonly start: number }> {
  for (let at = 0; at < tlvs.length; ) {
    const end = at + 3 + (at + 3 <= tlvs.length ? tlvs.readUInt16BE(at + 1) : 0)
    yield { type: tlvs[at] ?? 0, start: at, end }
    at = end
  }
}

function areWhole(tlvs: Buffer): boolean {
  let last = 0
  for (const { end } of valuesOf(tlvs)) last = end
  return last === tlvs.length
}

const CHECKSUM = 0x03
const PADDING = 0x04
const CHECKSUM_BYTES = 4

/** Types of version 2 that are about the header itself. */
const ABOUT_HEADER: ReadonlySet<number> = new Set([CHECKSUM, PADDING])

/**
 * Section 2.2.3 of the specification: a checksum is that of the whole header, with zeros in its own place.
 * @param tlvs the values at the end of the header, which are whole
 * @returns true for a header without a checksum as well
 */
function hasRightChecksum(header: Buffer, tlvs: Buffer): boolean {
  const [value, ...more] = [...valuesOf(tlvs)].filter(({ type }) => type === CHECKSUM)
  if (value === undefined) return true
  if (more.length > 0 || value.end - value.start !== 3 + CHECKSUM_BYTES) return false
  const at = header.length - tlvs.length + value.start + 3
  const zeroed = Buffer.from(header).fill(0, at, at + CHECKSUM_BYTES)
  return crc32c(zeroed) === header.readUInt32BE(at)
}

/** A header that announces this connection. */
export function headerBytes(version: 1 | 2, announced: Omit<Announced, 'version'>): Buffer {
  const { remoteAddress, localAddress, remotePort, localPort, tlvs } = announced
  const isV4 = isIPv4(remoteAddress) && isIPv4(localAddress)
  if (version === 1) {
    const [from, to] = isV4 ? [remoteAddress, localAddress] : [asIPv6(remoteAddress), asIPv6(localAddress)]
    return Buffer.from(
      `PROXY ${isV4 ? 'TCP4' : 'TCP6'} ${from} ${to} ${remotePort} ${localPort}\r\n`,
      'latin1',
    )
  }
  const ends = [remoteAddress, localAddress].flatMap(address =>
    addressBytes(isV4 ? address : asIPv6(address)),
  )
  const ports = [remotePort, localPort].flatMap(port => [port >> 8, port & 0xff])
  const kept = [...valuesOf(tlvs)]
    .filter(({ type }) => !ABOUT_HEADER.has(type))
    .map(({ start, end }) => tlvs.subarray(start, end))
  const rest = Buffer.concat([Buffer.from([...ends, ...ports]), ...kept])
  const length = Buffer.from([rest.length >> 8, rest.length & 0xff])
  return Buffer.concat([SIGNATURE, Buffer.from([PROXY, isV4 ? TCP4 : TCP6]), length, rest])
}

/** Both addresses of a header are of one family. */
const asIPv6 = (address: string): string =>
  isIPv4(address) ? `::ffff:${address}` : address.replace(/%.*$/, '')

/** A header of a relay that speaks for itself. */
export const localHeaderBytes = (version: 1 | 2): Buffer =>
  version === 1
    ? Buffer.from('PROXY UNKNOWN\r\n')
    : Buffer.concat([SIGNATURE, Buffer.from([LOCAL, UNSPEC, 0, 0])])

/** Which header is sent: none, the version that was received, or this one. */
export type OutboundHeader = 'none' | 'received' | 1 | 2

/** Both ends of a client's connection, and what a relay has announced of it. */
export interface ClientEnds extends Omit<Announced, 'version' | 'tlvs'> {
  readonly announced: Announced | undefined
}

/** The header that is sent first to an origin or a parent; undefined where none is sent. @param from undefined: there is no client */
export function headerFor(kind: OutboundHeader, from: ClientEnds | undefined): Buffer | undefined {
  const version = kind === 'received' ? from?.announced?.version : kind
  if (version === undefined || version === 'none') return undefined
  if (from === undefined) return localHeaderBytes(version)
  return headerBytes(version, from.announced ?? { ...from, tlvs: EMPTY })
}

const EMPTY = Buffer.alloc(0)

/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of a PROXY header; the one of `node:zlib` has another polynomial. */

const REVERSED_POLYNOMIAL = 0x82f6_3b78

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? REVERSED_POLYNOMIAL : 0)
  return value
})

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0)
  return ~crc >>> 0
}
