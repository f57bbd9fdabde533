/** ClientHellos: built byte by byte for what no TLS library would send, and those that real clients send. */

import { readFileSync } from 'node:fs'
import { type ConnectionOptions, connect } from 'node:tls'
import { rawOrigin, scripts } from './raw-origin.js'

export interface HelloParts {
  /** Names in server_name; no extension for an empty list. */
  readonly names?: readonly string[]
  readonly alpn?: readonly string[]
  /** Type and body of more extensions. */
  readonly more?: readonly (readonly [number, Buffer])[]
  /** Leaves out the extensions with their length. */
  readonly bare?: boolean
  /** Bytes behind the last field of the message. */
  readonly tail?: Buffer
}

/** Bytes behind their length. @param size bytes of the length */
export const vector = (size: 1 | 2 | 3, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  const length = Buffer.alloc(size)
  length.writeUIntBE(body.length, 0, size)
  return Buffer.concat([length, body])
}

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff])

/** A handshake message of the type, with its header. */
export const message = (type: number, ...parts: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from([type]), vector(3, ...parts)])

/** Certificates as in TLS 1.2 (RFC 5246 section 7.4.2). */
export const certificateMessage = (...ders: readonly Buffer[]): Buffer =>
  message(11, vector(3, ...ders.map(der => vector(3, der))))

/** A ServerHello that picks TLS 1.2 or 1.3. */
export function serverHello(version: '1.2' | '1.3'): Buffer {
  const extensions = version === '1.3' ? [u16(43), vector(2, u16(0x0304))] : []
  return message(
    2,
    u16(0x0303),
    Buffer.alloc(32, 7),
    vector(1),
    u16(0xc02f),
    Buffer.from([0]),
    vector(2, ...extensions),
  )
}

/** The ClientHello message, with its header and without a record around it. */
export function helloMessage({
  names = [],
  alpn = [],
  more = [],
  bare = false,
  tail,
}: HelloParts = {}): Buffer {
  const extensions: (readonly [number, Buffer])[] = [...more]
  if (names.length > 0)
    extensions.push([
      0,
      vector(2, ...names.flatMap(name => [Buffer.from([0]), vector(2, Buffer.from(name, 'latin1'))])),
    ])
  if (alpn.length > 0) extensions.push([16, vector(2, ...alpn.map(name => vector(1, Buffer.from(name))))])
  return message(
    1,
    u16(0x0303),
    Buffer.alloc(32, 1),
    vector(1, Buffer.alloc(32, 2)),
    vector(2, u16(0x1301), u16(0xc02f)),
    vector(1, Buffer.from([0])),
    ...(bare ? [] : [vector(2, ...extensions.flatMap(([type, body]) => [u16(type), vector(2, body)]))]),
    ...(tail === undefined ? [] : [tail]),
  )
}

/** Handshake bytes in records of at most `size` bytes. */
export function inRecords(bytes: Buffer, size = 16_384, type = 22): Buffer {
  const records: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size)
    records.push(Buffer.from([type, 3, 1]), vector(2, bytes.subarray(at, at + size)))
  return Buffer.concat(records)
}

/** What Node's own TLS client sends first. */
export async function realHello(options: ConnectionOptions): Promise<Buffer> {
  const origin = await rawOrigin(scripts.silence)
  const client = connect({ ...options, host: '127.0.0.1', port: origin.port })
  client.on('error', () => undefined)
  try {
    const connection = await origin.connection(0)
    await connection.until(() => (connection.tls().names.length > 0 ? true : undefined), 'a ClientHello')
    return connection.bytes()
  } finally {
    client.destroy()
    await origin.stop()
  }
}

/** ClientHellos of test/fixtures/hellos. */
type Client =
  | `Node ${20 | 22 | 24 | 26}`
  | 'Chromium 156'
  | 'Chromium 156, again'
  | 'curl 7.88, OpenSSL 3.0'
  | 'NSS 3.87, ECH GREASE'
  | 'NSS 3.87, ECH'

const texts = JSON.parse(readFileSync('test/fixtures/hellos/hellos.json', 'utf8')) as Record<Client, string>

/** The name that all of them ask for in plaintext, but for the real ECH. */
export const RECORDED_NAME = 'a.example'

export const RECORDED = Object.keys(texts) as readonly Client[]

/** Its bytes, in records. */
export const recordedHello = (client: Client): Buffer => Buffer.from(texts[client], 'base64')
