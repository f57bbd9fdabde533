import { generateKeyPairSync } from 'node:crypto'
import { isIPv6, SocketAddress } from 'node:net'
import fc from 'fast-check'
import { test } from 'tap'
import { ProxyError } from '../../../../core/base/errors.js'
import {
  type AltName,
  altNames,
  subjectPublicKeyInfo,
  wantsStaple,
} from '../../../../core/tls/judge/certificate-parts.js'
import { withExtensions } from '../../../kit/carrying.js'
import { certificateShape, der, sanExtension, sequence } from '../../../kit/der.js'
import { makeAuthority } from '../../../kit/pki.js'
import { selfSignedWith } from '../../../kit/pki-openssl.js'

const MALFORMED = { code: 'PTC_HANDSHAKE_FAILED' }
const root = await makeAuthority({ name: 'Root' })
const plain = await root.issue({ cn: 'plain.test' })

const SANS = [
  'DNS:a.test',
  'DNS:*.b.test',
  'DNS:xn--bcher-kva.test',
  'IP:127.0.0.1',
  'IP:2001:db8::1',
  'IP:::1',
  'URI:spiffe://trust/workload',
  'email:admin@a.test',
  'RID:1.2.3.4',
  'dirName:dn',
]

/** A certificate with every sort of name, which another program made. */
const everySort = selfSignedWith(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey, SANS)

test('the public key is what Node says it is', async t => {
  for (const keyType of ['ec', 'ec-384', 'rsa-2048'] as const) {
    const { cert } = await root.issue({ cn: 'a.test', keyType })
    t.ok(
      subjectPublicKeyInfo(cert.raw).equals(cert.publicKey.export({ type: 'spki', format: 'der' })),
      keyType,
    )
  }
  const spki = sequence(Buffer.from([5, 0]))
  for (const hasVersion of [true, false])
    t.same(
      subjectPublicKeyInfo(certificateShape({ hasVersion, spki })),
      spki,
      `with a version: ${hasVersion}`,
    )
})

test('the must-staple extension is read', async t => {
  t.equal(wantsStaple((await root.issue({ cn: 'a.test', mustStaple: true })).cert.raw), true)
  t.equal(wantsStaple((await root.issue({ cn: 'a.test' })).cert.raw), false)
  const feature = (...features: readonly Buffer[]): Buffer =>
    sequence(
      der(0x06, Buffer.from([0x2b, 6, 1, 5, 5, 7, 1, 24])),
      der(0x04, sequence(...features.map(number => der(0x02, number)))),
    )
  const [other, staple] = [Buffer.from([17]), Buffer.from([5])]
  t.equal(wantsStaple(certificateShape({ extensions: [feature(other)] })), false, 'another feature')
  t.equal(wantsStaple(certificateShape({ extensions: [feature(other, staple)] })), true, 'beside another')
  t.throws(() => wantsStaple(certificateShape({ extensions: [feature(), feature()] })), MALFORMED)
})

test('alternative names of every type are read in order', async t => {
  t.strictSame(altNames(everySort), [
    { type: 'dns', value: 'a.test' },
    { type: 'dns', value: '*.b.test' },
    { type: 'dns', value: 'xn--bcher-kva.test' },
    { type: 'ip', value: '127.0.0.1' },
    { type: 'ip', value: '2001:db8::1' },
    { type: 'ip', value: '::1' },
    { type: 'uri', value: 'spiffe://trust/workload' },
    { type: 'email', value: 'admin@a.test' },
  ])
  t.strictSame(altNames((await root.issue({ cn: 'a.test', sans: [] })).cert.raw), [], 'there may be none')
  t.strictSame(altNames(certificateShape({})), [], 'nor any extension')
})

const namesOf = (...names: readonly Uint8Array[]): readonly AltName[] =>
  altNames(withExtensions(plain.cert.raw, [sanExtension(...names)]))

test('malformed alternative names are ignored', async t => {
  const text = (tag: number, name: string): Buffer => der(tag, Buffer.from(name, 'latin1'))
  const good = { type: 'dns', value: 'good.test' }
  t.strictSame(namesOf(text(0x82, 'good.test\0.evil.test'), text(0x82, 'good.test')), [good], 'a NUL')
  t.strictSame(namesOf(text(0x82, 'b\xfccher.test'), text(0x86, 'a\n'), text(0x82, 'good.test')), [good])
  for (const length of [0, 3, 5, 8, 15, 17])
    t.strictSame(namesOf(der(0x87, Buffer.alloc(length))), [], `an address of ${length} bytes`)
})

test('a repeated or malformed extension for names is refused', async t => {
  const [one, two] = ['one.test', 'two.test'].map(name => sanExtension(der(0x82, Buffer.from(name))))
  const extensions = [one, two].flatMap(extension => extension ?? [])
  t.throws(() => altNames(withExtensions(plain.cert.raw, extensions)), MALFORMED)
  const critical = sequence(
    der(0x06, Buffer.from([0x55, 0x1d, 0x11])),
    der(0x01, Buffer.from([0xff])),
    der(0x04, sequence(der(0x82, Buffer.from('a.test')))),
  )
  t.strictSame(altNames(withExtensions(plain.cert.raw, [critical])), [{ type: 'dns', value: 'a.test' }])
  const unlike = sequence(der(0x06, Buffer.from([0x55, 0x1d, 0x11])), der(0x05))
  t.throws(() => altNames(withExtensions(plain.cert.raw, [unlike])), MALFORMED, 'no OCTET STRING')
})

test('alternative names that OpenSSL cannot read do not count', async t => {
  const dns = der(0x82, Buffer.from('a.test'))
  const badDirectoryName = der(0xa4, der(0x05)) // no Name in it
  t.throws(() => namesOf(dns, badDirectoryName), MALFORMED)
  t.throws(() => namesOf(der(0x8f, Buffer.from('x')), dns), MALFORMED, 'a kind that there is not')
})

test('bytes without a public key are no certificate', async t => {
  t.throws(() => subjectPublicKeyInfo(sequence()), MALFORMED)
  t.throws(() => subjectPublicKeyInfo(sequence(sequence())), MALFORMED)
  t.throws(() => subjectPublicKeyInfo(certificateShape({ spki: der(0x05) })), MALFORMED)
})

test('addresses are written as Node writes them', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), bytes => {
      const [{ value } = { value: '' }] = namesOf(der(0x87, bytes))
      const groups = Array.from({ length: 8 }, (_, i) =>
        Buffer.from(bytes)
          .readUInt16BE(2 * i)
          .toString(16),
      )
      const { address } = new SocketAddress({ address: groups.join(':'), family: 'ipv6' })
      return isIPv6(value) && value === address
    }),
  )
})

/** Reads all there is to read. Anything but the error of the table fails the test. */
function readAll(bytes: Buffer): 'read' | 'malformed' {
  for (const read of [altNames, subjectPublicKeyInfo]) {
    try {
      read(bytes)
    } catch (error) {
      if (error instanceof ProxyError && error.code === 'PTC_HANDSHAKE_FAILED') return 'malformed'
      throw error
    }
  }
  return 'read'
}

test('malformed certificates throw nothing but errors of the table', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => readAll(Buffer.from(bytes)) !== undefined),
  )
  const good = everySort
  let readable = 0
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 0xff }), (at, flip) => {
      const bytes = Buffer.from(good)
      bytes[at] = (bytes[at] ?? 0) ^ flip
      if (readAll(bytes) === 'read') readable += 1
    }),
    { numRuns: 2000 },
  )
  t.ok(readable > 100 && readable < 1999, `some of them can be read, and some cannot (${readable})`)
  fc.assert(fc.property(fc.nat(good.length - 1), length => readAll(good.subarray(0, length)) === 'malformed'))
})
