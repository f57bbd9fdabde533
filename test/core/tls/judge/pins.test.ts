import { createHash, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'tap'
import { type Pins, unfulfilled } from '../../../../core/tls/judge/pins.js'
import { sanMatcher } from '../../../../core/tls/judge/san-matcher.js'
import { withExtensions } from '../../../kit/carrying.js'
import { certificateShape, der, sanExtension } from '../../../kit/der.js'
import { makeAuthority } from '../../../kit/pki.js'
import { selfSignedWith } from '../../../kit/pki-openssl.js'

const NONE: Pins = { sans: [], spkiPins: new Set(), certPins: new Set(), minRsaBits: 0, minEcBits: 0 }
const demand = (some: Partial<Pins>): Pins => ({ ...NONE, ...some })
const sha256 = (bytes: Buffer, as: 'hex' | 'base64'): string => createHash('sha256').update(bytes).digest(as)

const root = await makeAuthority({ name: 'Root' })
const rsaRoot = await makeAuthority({ name: 'RSA root', keyType: 'rsa-2048' })
const leaf = (await root.issue({ cn: 'a.test', sans: ['a.test', '10.0.0.7'] })).cert.raw
const below = (await rsaRoot.issue({ cn: 'a.test' })).cert.raw
const spki = (await root.issue({ cn: 'a.test', sans: ['a.test', '10.0.0.7'] })).cert.publicKey.export({
  type: 'spki',
  format: 'der',
})
const OTHER_PIN = `${'A'.repeat(43)}=`

test('a certificate meets a rule without demands', async () => {
  fc.assert(fc.property(fc.uint8Array(), bytes => unfulfilled(NONE, [Buffer.from(bytes)]) === undefined))
})

test("a pin is met by the leaf's key or digest, and by no issuer", async t => {
  const chain = [leaf, root.cert.raw]
  const own = { spkiPins: new Set([sha256(spki, 'base64')]), certPins: new Set([sha256(leaf, 'hex')]) }
  t.equal(unfulfilled(demand({ spkiPins: own.spkiPins }), chain), undefined)
  t.equal(unfulfilled(demand({ certPins: own.certPins }), chain), undefined)
  const wrong = { spkiPins: new Set([OTHER_PIN]), certPins: new Set(['00'.repeat(32)]) }
  t.equal(unfulfilled(demand({ ...wrong, certPins: own.certPins }), chain), undefined, 'one list is enough')
  t.equal(unfulfilled(demand({ ...wrong, spkiPins: own.spkiPins }), chain), undefined)
  t.match(unfulfilled(demand(wrong), chain), {
    code: 28,
    depth: 0,
    message: `its key is ${sha256(spki, 'base64')}, its SHA-256 ${sha256(leaf, 'hex')}`,
  })
  const issuer = sha256(root.cert.publicKey.export({ type: 'spki', format: 'der' }), 'base64')
  t.match(
    unfulfilled(demand({ spkiPins: new Set([issuer]) }), chain),
    { code: 28 },
    'an issuer proves nothing',
  )
  const keyless = createHash('sha256').digest('base64')
  t.match(
    unfulfilled(demand({ spkiPins: new Set([keyless]) }), [certificateShape({ spki: Buffer.from([5, 0]) })]),
    { code: 1 },
    'no key is not the empty key',
  )
})

test('a demanded name is met by an alternative name', async t => {
  const is = (name: string) =>
    demand({ sans: [sanMatcher('dns', 'exact', name), sanMatcher('ip', 'exact', '10.9.9.9')] })
  t.equal(unfulfilled(is('a.test'), [leaf]), undefined, 'one of several is enough')
  t.match(unfulfilled(is('b.test'), [leaf]), {
    code: 62,
    message:
      'no alternative name is dns exact b.test, ip exact 10.9.9.9; the leaf has dns a.test, ip 10.0.0.7',
  })
  t.match(
    unfulfilled(is('a.test'), [root.cert.raw, leaf]),
    { code: 62, message: /the leaf has none$/ },
    'of the leaf',
  )
})

test('a demanded key size applies to every certificate', async t => {
  t.equal(unfulfilled(demand({ minRsaBits: 2048, minEcBits: 256 }), [leaf, root.cert.raw]), undefined)
  t.equal(unfulfilled(demand({ minRsaBits: 2048, minEcBits: 256 }), [below, rsaRoot.cert.raw]), undefined)
  t.match(unfulfilled(demand({ minEcBits: 384 }), [leaf]), {
    ...{ code: 66, depth: 0, message: 'the EC key has 256 bits, 384 are demanded' },
  })
  t.match(unfulfilled(demand({ minRsaBits: 3072 }), [below, rsaRoot.cert.raw]), {
    ...{ code: 67, depth: 1, message: 'the RSA key has 2048 bits, 3072 are demanded' },
  })
  t.equal(unfulfilled(demand({ minRsaBits: 3072 }), [leaf]), undefined, 'of RSA keys, and no others')
})

test('the size of a key is known for every kind of key', async t => {
  const ed25519 = selfSignedWith(generateKeyPairSync('ed25519').privateKey)
  const ed448 = selfSignedWith(generateKeyPairSync('ed448').privateKey)
  const p521 = selfSignedWith(generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).privateKey)
  const dsa = selfSignedWith(
    generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey,
  )
  const odd = selfSignedWith(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey)
  for (const [name, chain, least, isEnough] of [
    ['Ed25519', ed25519, 256, true],
    ['Ed25519', ed25519, 384, false],
    ['Ed448', ed448, 456, true],
    ['P-521', p521, 521, true],
    ['DSA', dsa, 160, false],
    ['a curve that nobody uses', odd, 160, false],
  ] as const)
    t.equal(unfulfilled(demand({ minEcBits: least }), [chain]) === undefined, isEnough, `${name}, ${least}`)
  t.match(
    unfulfilled(demand({ minRsaBits: 2048 }), [dsa]),
    { code: 66, message: 'the key is neither RSA nor of a known curve' },
    'who asks for good keys gets none that cannot be measured',
  )
})

test('malformed certificates meet no demand and throw nothing', async t => {
  const demands = [
    demand({ spkiPins: new Set([OTHER_PIN]) }),
    demand({ certPins: new Set([sha256(Buffer.from('x'), 'hex')]) }),
    demand({ sans: [sanMatcher('dns', 'regex', '.*')] }),
    demand({ minRsaBits: 1 }),
    demand({ minEcBits: 1 }),
  ]
  for (const one of demands) {
    t.match(unfulfilled(one, []), { code: 1, depth: 0 }, 'no chain at all')
    t.match(unfulfilled(one, [Buffer.from('x')]), { code: 1 }, 'not even garbage that is pinned')
  }
  fc.assert(
    fc.property(fc.constantFrom(...demands), fc.array(fc.uint8Array(), { maxLength: 3 }), (one, chain) => {
      return (
        unfulfilled(
          one,
          chain.map(bytes => Buffer.from(bytes)),
        ) !== undefined
      )
    }),
  )
  fc.assert(
    fc.property(fc.constantFrom(...demands), fc.nat(leaf.length - 1), fc.nat(0xff), (one, at, byte) => {
      const changed = Buffer.from(leaf)
      changed[at] = byte
      const found = unfulfilled(one, [changed])
      return found === undefined || [1, 28, 62, 66, 67].includes(found.code)
    }),
    { numRuns: 1000 },
  )
})

test('alternative names count if they are few, short and verified', async t => {
  const withNames = (count: number, name: (i: number) => string): Buffer => {
    const names = Array.from({ length: count }, (_, i) => der(0x82, Buffer.from(name(i))))
    return withExtensions(leaf, [sanExtension(...names)])
  }
  const wanted = demand({
    sans: [sanMatcher('dns', 'regex', '(.*a){9}\\.test'), sanMatcher('dns', 'exact', 'n0')],
  })
  t.equal(unfulfilled(wanted, [withNames(1000, i => `n${i}`)]), undefined)
  t.match(unfulfilled(wanted, [withNames(1001, i => `n${i}`)]), {
    code: 62,
    message: /^the leaf has 1001 alternative names of \d+ characters; 1000 and 16384 are the most$/,
  })
  t.match(
    unfulfilled(wanted, [withNames(100, i => (i === 0 ? 'n0' : 'a'.repeat(250)))]),
    { code: 62 },
    'too long',
  )
  const { message } = unfulfilled(wanted, [withNames(65, () => 'a'.repeat(252))]) ?? { message: '' }
  t.match(message, /the leaf has dns a{100}\.\.\., .*, and 55 more$/, 'tells of some, and not of all')
  t.ok(message.length < 2000)
  t.match(unfulfilled(wanted, [withNames(1, () => 'n0')], false), {
    code: 62,
    message: 'the alternative names are not looked at: the chain is not verified',
  })
  const pinned = demand({ certPins: new Set([sha256(leaf, 'hex')]) })
  t.equal(unfulfilled(pinned, [leaf], false), undefined, 'a pin needs nobody to vouch for it')
})

test('names are not asked about where that would take long', async t => {
  const pattern = sanMatcher('dns', 'regex', '(a|aa){1,30}b')
  const many = Array.from(
    { length: 60 },
    (_, i) => `${'a'.repeat(60)}.${'a'.repeat(60)}.${'a'.repeat(60)}.n${i}.test`,
  )
  const shape = (names: readonly string[]): Buffer =>
    withExtensions(leaf, [sanExtension(...names.map(name => der(0x82, Buffer.from(name))))])
  const cost = many.reduce((sum, value) => sum + pattern.costOf({ type: 'dns', value }), 0)
  t.ok(cost > 1_000_000, String(cost))
  const found = unfulfilled(demand({ sans: [pattern] }), [shape(many)])
  t.match(found, { code: 62, message: /for this rule that is too much, use shorter patterns/ })
  const several = Array.from({ length: 20 }, () => pattern)
  t.match(
    unfulfilled(demand({ sans: several }), [shape(many.slice(0, 10))]),
    { message: /too much/ },
    'all matchers',
  )
  const exact = sanMatcher('dns', 'exact', 'n.test')
  t.equal(
    unfulfilled(demand({ sans: [exact] }), [shape([...many, 'n.test'])]),
    undefined,
    'an exact name is cheap',
  )
  const uri = sanMatcher('uri', 'regex', '(a|aa){1,30}b')
  t.match(
    unfulfilled(demand({ sans: [uri] }), [shape(many)]),
    { message: /no alternative name is/ },
    'of its type',
  )
})
