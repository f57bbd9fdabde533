/** GREASE (RFC 8701) in every place of a ClientHello that has a list: a server ignores values that it does not know. */
import { ByteReader } from '../../core/tls/sniff/record-layer.js'
import { message, vector } from './client-hellos.js'

const VALUES = Array.from({ length: 16 }, (_, i) => 0x0a0a + 0x1010 * i)
const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff])
const value = (i: number): Buffer => u16(VALUES[i] ?? 0x0a0a)

/** A list of fixed size behind a length, with a value at its begin, in its middle and at its end. */
function inList(body: Buffer, sizeOfLength: 1 | 2, put: (i: number) => Buffer): Buffer {
  const list = new ByteReader(body).vector(sizeOfLength)
  const size = put(0).length
  const middle = size * Math.floor(list.length / size / 2)
  return vector(sizeOfLength, put(1), list.subarray(0, middle), put(2), list.subarray(middle), put(3))
}

/** A list whose entries differ in length: at its begin and at its end. */
function around(body: Buffer, entry: (i: number) => Buffer): Buffer {
  return vector(2, entry(1), new ByteReader(body).vector(2), entry(2))
}

const LISTS: Readonly<Record<number, (body: Buffer) => Buffer>> = {
  10: body => inList(body, 2, value), // supported_groups
  13: body => inList(body, 2, value), // signature_algorithms
  16: body => around(body, i => vector(1, value(i))), // ALPN
  43: body => inList(body, 1, value), // supported_versions
  45: body => inList(body, 1, i => Buffer.from([0x0b + 0x1f * i])), // psk_key_exchange_modes
  51: body => around(body, i => Buffer.concat([value(i), vector(2, Buffer.from([0]))])), // key_share
}

/** @param hello the message with its header */
export function greased(hello: Buffer): Buffer {
  const reader = new ByteReader(hello.subarray(4))
  const fixed = reader.take(2 + 32)
  const session = reader.vector(1)
  const ciphers = reader.take(2)
  const cipherList = reader.take(ciphers.readUInt16BE())
  const compression = reader.vector(1)
  const list = new ByteReader(reader.vector(2))
  const found: [number, Buffer][] = []
  while (!list.isAtEnd) {
    const type = list.number(2)
    const body = list.vector(2)
    found.push([type, LISTS[type]?.(body) ?? body])
  }
  const free = VALUES.filter(type => found.every(([other]) => other !== type))
  const extra = [0, 1, 300].map((size, i): [number, Buffer] => [free[i] ?? 0, Buffer.alloc(size)])
  const [first = [0, Buffer.alloc(0)], middle = first, last = first] = extra
  const half = Math.floor(found.length / 2)
  const all = [first, ...found.slice(0, half), middle, ...found.slice(half), last] as const
  return message(
    1,
    fixed,
    vector(1, session),
    inList(vector(2, cipherList), 2, value),
    vector(1, compression),
    vector(2, ...all.flatMap(([type, body]) => [u16(type), vector(2, body)])),
  )
}
