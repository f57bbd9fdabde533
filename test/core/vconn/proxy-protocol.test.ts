import fc from 'fast-check'
import { test } from 'tap'
import { type Announced, crc32c, headerBytes, readHeader } from '../../../core/vconn/proxy-protocol.js'

const EMPTY = Buffer.alloc(0)
const ENDS = {
  remoteAddress: '192.0.2.7',
  localAddress: '198.51.100.1',
  remotePort: 40_000,
  localPort: 443,
  tlvs: EMPTY,
}
const SIGNATURE = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
const v2 = (command: number, family: number, rest: readonly number[]): Buffer =>
  Buffer.from([...SIGNATURE, command, family, rest.length >> 8, rest.length & 0xff, ...rest])
const TCP4 = [192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 1, 0xbb]

test('what is written is read, by both versions, split at every byte', async t => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6())
  const values = fc.array(fc.tuple(fc.integer({ min: 0x20, max: 0xff }), fc.uint8Array({ maxLength: 40 })))
  const port = fc.integer({ min: 0, max: 65_535 })
  fc.assert(
    fc.property(
      fc.constantFrom<1 | 2>(1, 2),
      fc.tuple(address, address),
      port,
      port,
      values,
      (...[version, at, a, b, list]) => {
        const [remoteAddress, localAddress] = at
        const tlvs = Buffer.concat(
          list.map(([type, value]) => Buffer.from([type, 0, value.length, ...value])),
        )
        const ends = {
          remoteAddress,
          localAddress,
          remotePort: a,
          localPort: b,
          tlvs: version === 2 ? tlvs : EMPTY,
        }
        const bytes = headerBytes(version, ends)
        for (let i = 0; i < bytes.length; i++)
          if (readHeader(bytes.subarray(0, i)).kind !== 'more') return false
        const reading = readHeader(Buffer.concat([bytes, Buffer.from('GET')]))
        if (reading.kind !== 'header' || reading.announced === undefined) return false
        const again = headerBytes(version, reading.announced)
        return reading.end === bytes.length && again.equals(bytes) && reading.announced.remotePort === a
      },
    ),
  )
  t.pass()
})

test('lines of version 1', async t => {
  const read = (line: string) => readHeader(Buffer.from(line))
  t.match(read('PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n'), {
    kind: 'header',
    announced: { version: 1, remoteAddress: '192.0.2.7', remotePort: 40_000, localPort: 443 },
    end: 45,
  })
  t.match(read('PROXY TCP6 2001:db8::1 ::1 1 2\r\nx'), { announced: { remoteAddress: '2001:db8::1' } })
  t.match(read('PROXY UNKNOWN\r\n'), { kind: 'header', announced: undefined })
  t.match(read('PROXY UNKNOWN ff:: ::1 1 2\r\n'), { kind: 'header', announced: undefined })
  for (const bad of [
    'GET / HTTP/1.1\r\n',
    'PROXX',
    'PROXY TCP4 2001:db8::1 ::1 1 2\r\n',
    'PROXY TCP6 192.0.2.7 192.0.2.7 1 2\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 70000 443\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 040 443\r\n',
    'PROXY TCP4  192.0.2.7 198.51.100.1 40000 443\r\n',
    'PROXY UDP4 192.0.2.7 198.51.100.1 40000 443\r\n',
    'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n',
    `PROXY TCP4 ${'1'.repeat(120)}`,
    'PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\n\r\n',
  ])
    t.equal(read(bad).kind, 'malformed', bad)
})

test('headers of version 2', async t => {
  const read = (command: number, family: number, rest: readonly number[]) =>
    readHeader(v2(command, family, rest))
  t.match(read(0x21, 0x11, TCP4), { announced: { ...ENDS, version: 2 } as Announced })
  t.match(read(0x20, 0x00, []), { kind: 'header', announced: undefined }, 'LOCAL')
  t.match(read(0x20, 0x11, TCP4), { kind: 'header', announced: undefined }, 'LOCAL with addresses')
  t.match(read(0x21, 0x00, [1, 2, 3]), { kind: 'header', announced: undefined, end: 19 }, 'UNSPEC')
  t.match(read(0x21, 0x31, Array<number>(216).fill(0)), { kind: 'malformed' }, 'UNIX has no address')
  t.match(read(0x21, 0x12, TCP4), { kind: 'malformed' }, 'UDP')
  t.match(read(0x11, 0x11, TCP4), { kind: 'malformed' }, 'version 1 in the form of version 2')
  t.match(read(0x22, 0x11, TCP4), { kind: 'malformed' }, 'another command')
  t.match(read(0x21, 0x11, TCP4.slice(1)), { kind: 'malformed' }, 'addresses that are cut off')
  t.match(read(0x21, 0x11, [...TCP4, 1, 0, 9, 1]), { kind: 'malformed' }, 'a value that is cut off')
  t.match(read(0x21, 0x11, [...TCP4, 1, 0]), { kind: 'malformed' }, 'half a value')
  t.match(readHeader(Buffer.from([...SIGNATURE, 0x21, 0x11, 0xff, 0xff])), { kind: 'malformed' }, 'too large')
  const crc = [3, 0, 4, 0, 0, 0, 0]
  const authority = [2, 0, 1, 97]
  const bytes = v2(0x21, 0x11, [...TCP4, ...crc, ...authority, 4, 0, 0])
  bytes.writeUInt32BE(crc32c(bytes), 16 + 12 + 3)
  const reading = readHeader(bytes)
  const sent = reading.kind === 'header' && reading.announced ? headerBytes(2, reading.announced) : EMPTY
  t.same([...sent.subarray(16 + 12)], authority, 'a checksum and padding are about the header that came')
})

test('any bytes are read without an error', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isV2) => {
      const reading = readHeader(Buffer.from(isV2 ? [...SIGNATURE, ...bytes] : bytes))
      return ['header', 'more', 'malformed'].includes(reading.kind)
    }),
  )
  t.pass()
})

test('a checksum is that of the header, and of every byte in it', async t => {
  t.equal(crc32c(Buffer.from('123456789')), 0xe306_9283, 'the check value of the algorithm')
  t.equal(crc32c(Buffer.alloc(32)), 0x8a91_36aa, 'RFC 3720 appendix B.4')
  const rest = [...TCP4, 0x02, 0, 1, 0x61, 0x03, 0, 4, 0, 0, 0, 0, 0x04, 0, 2, 0, 0]
  const header = v2(0x21, 0x11, rest)
  const at = header.length - 9
  header.writeUInt32BE(crc32c(header), at)
  const reading = readHeader(Buffer.concat([header, Buffer.from('GET')]))
  t.match(reading, { kind: 'header', end: header.length, announced: { remoteAddress: '192.0.2.7' } })
  const typeAt = at - 3
  for (let i = 16; i < header.length; i++) {
    if (i === typeAt) continue // a header whose checksum is of another type has none
    const changed = Buffer.from(header)
    changed[i] = (changed[i] ?? 0) ^ 1
    t.equal(readHeader(changed).kind, 'malformed', `byte ${i}`)
  }
  for (const [what, more] of Object.entries({
    'two checksums': [0x03, 0, 4, 0, 0, 0, 0, 0x03, 0, 4, 0, 0, 0, 0],
    'a short one': [0x03, 0, 3, 0, 0, 0],
  }))
    t.match(readHeader(v2(0x21, 0x11, [...TCP4, ...more])), { kind: 'malformed', why: /checksum/ }, what)
})
