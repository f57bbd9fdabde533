/** All that is said about a certificate is about the same bytes: those that OpenSSL has judged. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'tap'
import type { Certificate } from '../../../core/api/certificate.js'
import { certificatesInPem } from '../../../core/base/pem.js'
import { plainCertificate, WorkerCertificate } from '../../../core/plugin-host/isolate/plain.js'
import { altNames, subjectPublicKeyInfo } from '../../../core/tls/judge/certificate-parts.js'
import { certificateOf } from '../../../core/tls/judge/chain-certificate.js'
import { derElement, derElements } from '../../../core/tls/judge/der.js'
import { toEvidence } from '../../../core/tls/judge/evidence.js'
import { unfulfilled } from '../../../core/tls/judge/pins.js'
import { ChainMemory } from '../../../core/tls/openssl/chain-memory.js'
import { OutboundContext } from '../../../core/tls/openssl/outbound-context.js'
import { OutboundEngine, type ParkedPeer } from '../../../core/tls/openssl/outbound-engine.js'
import { atEnd } from '../../kit/at-end.js'
import { carrying, embedded, PLACES } from '../../kit/carrying.js'
import { makeAuthority, makeSelfSigned } from '../../kit/pki.js'
import { flightWith } from '../../kit/shown-chain.js'

const HOST = 'a.test'
const root = await makeAuthority({ name: 'Root' })
const middle = await makeAuthority({ name: 'Middle', parent: root })
const own = await middle.issue({ cn: HOST, sans: [HOST, '*.b.test', '192.0.2.1', '2001:db8::1'] })
const rsa = await root.issue({ cn: HOST, keyType: 'rsa-2048' })
const stranger = await makeSelfSigned({ cn: 'stranger.test' })
const SEEDS = [own, rsa, stranger, middle].map(({ cert }) => cert.raw)

const context = new OutboundContext({
  anchors: [root.certPem],
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
  alpn: [],
})
atEnd(() => context.free())
/** As OpenSSL is asked about names. */
const NAME_RULES = { subject: 'never', partialWildcards: false } as const
const options = { host: HOST, isAddress: false, sni: HOST }

/** What the engine says of an origin that shows these bytes; undefined when OpenSSL does not take them for certificates. */
function judge(chain: readonly Buffer[]): ParkedPeer | undefined {
  const engine = new OutboundEngine(context, options)
  try {
    engine.advance()
    engine.receive(flightWith(engine.take() ?? Buffer.alloc(0), own, chain))
    return engine.advance() === 'parked' ? engine.peer() : undefined
  } finally {
    engine.free()
  }
}

const flip = fc.record({ at: fc.nat(), to: fc.nat({ max: 255 }) })
const certificate = fc.oneof(
  fc
    .record({ seed: fc.constantFrom(...SEEDS), flips: fc.array(flip, { maxLength: 3 }) })
    .map(({ seed, flips }) => {
      const made = Buffer.from(seed)
      for (const { at, to } of flips) made.writeUInt8(to, at % made.length)
      return made
    }),
  fc
    .record({
      seed: fc.constantFrom(...SEEDS),
      carried: fc.constantFrom(own, stranger, middle),
      place: fc.constantFrom(...PLACES),
      more: fc.nat({ max: 100 }),
    })
    .map(({ seed, carried, place, more }) =>
      carrying(seed, Buffer.concat([Buffer.alloc(more, 0x41), embedded(carried.certPem)]), place),
    ),
  fc
    .record({ seed: fc.constantFrom(...SEEDS), name: fc.uint8Array({ maxLength: 9000 }) })
    .map(({ seed, name }) => carrying(seed, name, 'subject')),
)

/** The fields of a certificate by their place, as they were signed. */
const FIELD = { serial: 0, issuer: 2, validity: 3, subject: 4 } as const

function fieldOf(der: Buffer, field: keyof typeof FIELD): Buffer {
  const [tbs] = derElements(derElement(der).content)
  const all = derElements(tbs?.content ?? Buffer.alloc(0))
  const version = all[0]?.tag === 0xa0 ? 1 : 0
  return all[version + FIELD[field]]?.content ?? Buffer.alloc(0)
}

/** Node writes a negative number with a sign. */
function numberIn(serial: Buffer): bigint {
  return serial.length === 0 ? 0n : BigInt.asIntN(8 * serial.length, BigInt(`0x${serial.toString('hex')}`))
}

function numberOf(text: string): bigint {
  return text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`)
}

/** The common names of a name that are of a type with one byte a character, as X509_NAME_oneline writes them. */
function commonNames(name: Buffer): readonly string[] {
  return derElements(name).flatMap(rdn =>
    derElements(rdn.content).flatMap(attribute => {
      const [type, value, ...more] = derElements(attribute.content)
      const isCommonName = type?.tag === 6 && type.content.equals(Buffer.from([0x55, 0x04, 0x03]))
      if (!isCommonName || value === undefined || more.length > 0 || ![0x0c, 0x13].includes(value.tag))
        return []
      const escaped = [...value.content].map(byte =>
        byte < 0x20 || byte > 0x7e
          ? `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`
          : String.fromCharCode(byte).replace(/[/+]/, '\\$&'),
      )
      return [`/CN=${escaped.join('')}`]
    }),
  )
}

/** The end of the validity, if it is written as RFC 5280 asks; milliseconds. */
function endOf(validity: Buffer): number | undefined {
  const time = derElements(validity)[1]
  const text = time?.content.toString('latin1') ?? ''
  const [, short, long, ...rest] = /^(?:(\d\d)|(\d{4}))(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? []
  const isRight = time?.tag === (short === undefined ? 0x18 : 0x17)
  if (rest.length === 0 || !isRight) return undefined
  const year = short === undefined ? Number(long) : Number(short) + (Number(short) < 50 ? 2000 : 1900)
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = rest.map(Number)
  const end = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  const isDate = end.getUTCMonth() === month - 1 && end.getUTCDate() === day && hour < 24 && minute < 60
  return isDate && second < 60 && year > 1000 ? end.getTime() : undefined
}

/** The key that pins read, by the bytes that they read it from: a new object for each question would take most of the time. */
const keys = new Map<string, KeyObject | undefined>()

function keyOf(der: Buffer): KeyObject | undefined {
  const bytes = lenient(() => subjectPublicKeyInfo(der))
  if (bytes === undefined) return undefined
  const name = bytes.toString('latin1')
  if (!keys.has(name)) {
    keys.set(
      name,
      lenient(() => createPublicKey({ key: bytes, format: 'der', type: 'spki' })), // one that was mutated is none
    )
  }
  return keys.get(name)
}

/** What is left out where it throws: OpenSSL takes more for DER than our own reader. */
function lenient<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** The first field of a certificate that is about other bytes than those that were judged. */
function difference(shown: Certificate, judged: Buffer): string | undefined {
  const { der, x509, pem, sha256 } = shown
  if (!der.equals(judged)) return 'der'
  if (!x509.raw.equals(judged)) return 'x509.raw'
  if (sha256 !== createHash('sha256').update(judged).digest('hex')) return 'sha256'
  if (x509.fingerprint256.replaceAll(':', '').toLowerCase() !== sha256) return 'x509.fingerprint256'
  if (certificatesInPem(pem).length !== 1 || !certificatesInPem(pem)[0]?.equals(judged)) return 'pem'
  const serial = lenient(() => numberIn(fieldOf(judged, 'serial')))
  if (serial !== undefined && numberOf(x509.serialNumber) !== serial)
    return `serial ${x509.serialNumber} ${serial}`
  for (const field of ['subject', 'issuer'] as const)
    for (const name of lenient(() => commonNames(fieldOf(judged, field))) ?? [])
      if (!shown[field].includes(name)) return `${field} ${shown[field]} without ${name}`
  const end = lenient(() => endOf(fieldOf(judged, 'validity')))
  if (end !== undefined && Date.parse(x509.validTo) !== end) return `validTo ${x509.validTo}`
  const key = keyOf(judged)
  if (key !== undefined && !key.equals(x509.publicKey)) return 'the key of pins'
  return undefined
}

test('what plugins are shown is what OpenSSL has judged', async t => {
  let parked = 0
  fc.assert(
    fc.property(certificate, fc.array(certificate, { maxLength: 2 }), (leaf, issuers) => {
      const peer = judge([leaf, ...issuers])
      if (peer === undefined) return
      parked += 1
      const evidence = toEvidence(peer, options, { properties: 'ALL', pins: undefined })
      for (const [chain, judged] of [
        [evidence.chain, peer.sent],
        [evidence.builtChain, peer.built],
      ] as const) {
        if (chain.length !== judged.length) throw new Error('another number of certificates')
        for (const [i, shown] of chain.entries()) {
          const bytes = judged[i] ?? Buffer.alloc(0)
          for (const view of [shown, new WorkerCertificate(plainCertificate(shown))]) {
            const what = difference(view, bytes)
            if (what !== undefined) throw new Error(`certificate ${i}: ${what}`)
          }
        }
      }
      // OpenSSL's answer about the name, and Node's about what is shown.
      const isForHost = evidence.chain[0]?.x509.checkHost(HOST, NAME_RULES) !== undefined
      if (evidence.checks.name.ok !== isForHost)
        throw new Error(`name: ${evidence.checks.name.name}, ${isForHost}`)
      // A name that our own reader finds is one that Node finds.
      const sans = `, ${evidence.chain[0]?.x509.subjectAltName ?? ''}, `
      for (const { type, value } of lenient(() => altNames(peer.sent[0] ?? leaf)) ?? [])
        if (type === 'dns' && /^[\w.*-]+$/.test(value) && !sans.includes(`, DNS:${value}, `))
          throw new Error(`the alternative name ${value} is not among ${sans}`)
      if (evidence.checks.signature.ok)
        for (const [i, { x509 }] of evidence.builtChain.entries()) {
          const issuer = evidence.builtChain[i + 1]?.x509 ?? x509
          if (!x509.verify(issuer.publicKey))
            throw new Error(`certificate ${i} is not signed by the next one`)
        }
    }),
    {
      numRuns: 1500,
      seed: Number(process.env['FC_SEED'] ?? 16),
      examples: [[own.cert.raw, [middle.cert.raw]]],
    },
  )
  t.ok(parked > 400, `${parked} were judged, the others OpenSSL takes for no certificates`)
})

test('a name on one line is whole, however long', async t => {
  const name = Buffer.concat([Buffer.alloc(6000, 0x41), Buffer.from('\0é/CN=Evil CA')])
  const forged = carrying(own.cert.raw, name, 'issuer')
  const { issuer, subject } = certificateOf(forged)
  t.equal(issuer, `/CN=${'A'.repeat(6000)}\\x00\\xC3\\xA9\\/CN=Evil CA`)
  t.equal(subject, `/CN=${HOST}`)
})

test('each number that a rule demands is of the certificate itself', async t => {
  const weak = await root.issue({ cn: HOST, keyType: 'rsa-1024' })
  const forged = carrying(weak.cert.raw, embedded(rsa.certPem), 'extension')
  const pins = {
    sans: [],
    spkiPins: new Set<string>(),
    certPins: new Set<string>(),
    minRsaBits: 2048,
    minEcBits: 0,
  }
  t.match(unfulfilled(pins, [forged]), { code: 66, message: /1024 bits/ })
  t.equal(unfulfilled(pins, [rsa.cert.raw]), undefined)
})

test('a chain that was found good ends with its own certificates', async t => {
  const hour = 3_600_000
  const short = await root.issue({ cn: HOST, notAfter: new Date(Date.now() + hour) })
  const forged = carrying(short.cert.raw, embedded(own.certPem), 'extension')
  const memory = new ChainMemory()
  memory.remember([forged], [forged])
  t.same(memory.recall([forged]), [forged])
  t.equal(memory.recall([forged], Date.now() + 2 * hour), undefined)
})
