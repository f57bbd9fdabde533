/**
 * Reads a ClientHello from the wire (RFC 8446 section 4.1.2) without an answer: its server name, its protocols. The reader
 * is strict, because a reading that differs from the origin's would verify the wrong name: a message that does not fit to
 * the last byte is no ClientHello.
 */
import { decodeUtf8, parseHostBytes } from '../../base/host.js'
import { DECODE_ERROR, UNRECOGNIZED_NAME } from '../alerts.js'
import { ByteReader, HANDSHAKE, readFragment } from './record-layer.js'

export interface ClientHello {
  /** The server name, in the form in which hosts are compared. */
  readonly sni: string | undefined
  /** The server name as the client wrote it, which an origin would read. */
  readonly announced: string | undefined
  /** The protocols offered by ALPN, in order (RFC 7301). */
  readonly alpn: readonly string[]
  /** The body of encrypted_client_hello, real or GREASE, each byte one character. */
  readonly ech: string | undefined
}

export type HelloReading =
  | { readonly kind: 'more' }
  /** `alert`: the alert for a client that speaks TLS. */
  | { readonly kind: 'not-tls'; readonly why: string; readonly alert?: number }
  /** `length`: the bytes of its records. */
  | { readonly kind: 'hello'; readonly hello: ClientHello; readonly length: number }

/** Bytes in which a ClientHello must be complete: real ones, post-quantum key shares included, take some 2 000. */
export const MAX_HELLO_BYTES = 32_768
/** The most records of one ClientHello. The reader starts again at each piece, so their number must have a limit. */
const MAX_RECORDS = 256

const MORE: HelloReading = { kind: 'more' }
const CLIENT_HELLO = 1
export const EXTENSION = {
  serverName: 0,
  alpn: 16,
  preSharedKey: 41,
  supportedVersions: 43,
  encryptedClientHello: 0xfe0d,
} as const

/** Reads the bytes so far, from the first byte of the connection. Bytes after the ClientHello do not matter. */
export function readClientHello(bytes: Buffer): HelloReading {
  const parts: Buffer[] = []
  let have = 0
  let at = 0
  for (;;) {
    const fragment = readFragment(bytes, at)
    if (fragment === 'not-tls') return notTls('the bytes are no TLS record')
    if (fragment === 'more') {
      if (at < bytes.length && bytes[at] !== HANDSHAKE) return notTls('the first record is no handshake')
      return bytes.length > MAX_HELLO_BYTES ? refused('the ClientHello is too large', DECODE_ERROR) : MORE
    }
    if (fragment.type !== HANDSHAKE) return notTls('the first record is no handshake')
    parts.push(fragment.body)
    have += fragment.body.length
    if (parts.length > MAX_RECORDS)
      return refused('the ClientHello is cut into too many records', DECODE_ERROR)
    at = fragment.next
    const size = messageSize(parts, have)
    if (size === 'no-hello') return notTls('the first handshake message is no ClientHello')
    if (size !== undefined && size > MAX_HELLO_BYTES)
      return refused('the ClientHello is too large', DECODE_ERROR)
    if (size !== undefined && have > size)
      return refused('something follows the ClientHello in its record', DECODE_ERROR)
    if (have === size) return parseHello(Buffer.concat(parts).subarray(4), at)
  }
}

/** The size of the handshake message with its header, once it is known. */
function messageSize(parts: readonly Buffer[], have: number): number | 'no-hello' | undefined {
  const [first] = parts
  if (first?.[0] !== CLIENT_HELLO) return 'no-hello'
  if (have < 4) return undefined
  const header = first.length < 4 ? Buffer.concat(parts.slice(0, 4)) : first
  return 4 + header.readUIntBE(1, 3)
}

/** @param body the message after its header of four bytes */
function parseHello(body: Buffer, length: number): HelloReading {
  const reader = new ByteReader(body)
  skipToExtensions(reader)
  if (!reader.isBroken && reader.isAtEnd)
    return {
      kind: 'hello',
      hello: { sni: undefined, announced: undefined, alpn: [], ech: undefined },
      length,
    }
  const extensions = splitExtensions(reader.vector(2))
  if (reader.isBroken || !reader.isAtEnd || extensions === undefined)
    return refused('the ClientHello is malformed', DECODE_ERROR)
  const sni = parseServerName(extensions.get(EXTENSION.serverName))
  const alpn = parseAlpn(extensions.get(EXTENSION.alpn))
  if (sni === 'bad') return refused('the server_name of the ClientHello is no host', UNRECOGNIZED_NAME)
  if (alpn === 'bad') return refused('the ALPN of the ClientHello is malformed', DECODE_ERROR)
  return {
    kind: 'hello',
    hello: {
      sni: sni?.name,
      announced: sni?.announced,
      alpn,
      ech: extensions.get(EXTENSION.encryptedClientHello)?.toString('latin1'),
    },
    length,
  }
}

/** The extensions of a ClientHello, in its order; undefined when the message is not exactly one ClientHello. */
export function extensionsIn(message: Buffer): ReadonlyMap<number, Buffer> | undefined {
  const reader = new ByteReader(message)
  if (reader.number(1) !== CLIENT_HELLO) return undefined
  const body = new ByteReader(reader.vector(3))
  if (reader.isBroken || !reader.isAtEnd) return undefined
  skipToExtensions(body)
  if (body.isBroken) return undefined
  return body.isAtEnd ? new Map() : splitExtensions(body.vector(2))
}

function skipToExtensions(reader: ByteReader): void {
  reader.take(2 + 32) // legacy_version, random
  reader.vector(1) // legacy_session_id
  reader.vector(2) // cipher_suites
  reader.vector(1) // legacy_compression_methods
}

/** RFC 8446 section 4.2: no extension comes twice. */
function splitExtensions(bytes: Buffer): Map<number, Buffer> | undefined {
  const found = new Map<number, Buffer>()
  const reader = new ByteReader(bytes)
  while (!reader.isAtEnd) {
    const type = reader.number(2)
    const body = reader.vector(2)
    if (reader.isBroken || found.has(type)) return undefined
    found.set(type, body)
  }
  return found
}

export interface ServerName {
  readonly name: string
  readonly announced: string
}

/**
 * RFC 6066 section 3: one name, of the only type. Some clients send an address or a trailing dot, which the RFC forbids:
 * both are read as the host that they mean.
 */
export function parseServerName(extension: Buffer | undefined): ServerName | 'bad' | undefined {
  if (extension === undefined) return undefined
  const outer = new ByteReader(extension)
  const list = new ByteReader(outer.vector(2))
  const type = list.number(1)
  const raw = list.vector(2).toString('latin1')
  if (outer.isBroken || !outer.isAtEnd || list.isBroken || !list.isAtEnd || type !== 0) return 'bad'
  const host = parseHostBytes(raw)
  const announced = decodeUtf8(raw)
  return host === undefined || announced === undefined ? 'bad' : { name: host.name, announced }
}

/** The protocols in an ALPN extension, in order. */
export function parseAlpn(extension: Buffer | undefined): readonly string[] | 'bad' {
  if (extension === undefined) return []
  const outer = new ByteReader(extension)
  const list = new ByteReader(outer.vector(2))
  if (outer.isBroken || !outer.isAtEnd) return 'bad'
  const names: string[] = []
  while (!list.isAtEnd) {
    const name = list.vector(1)
    if (list.isBroken || name.length === 0) return 'bad'
    names.push(name.toString('latin1'))
  }
  return names
}

const notTls = (why: string): HelloReading => ({ kind: 'not-tls', why })

const refused = (why: string, alert: number): HelloReading => ({ kind: 'not-tls', why, alert })
