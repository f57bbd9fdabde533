import { randomBytes, X509Certificate } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import type { Certificate } from '../../../../core/api/certificate.js'
import type { VerifyServerEvent } from '../../../../core/api/hooks.js'
import { certificateOf } from '../../../../core/tls/judge/chain-certificate.js'
import { toEvidence } from '../../../../core/tls/judge/evidence.js'
import { sanMatcher } from '../../../../core/tls/judge/san-matcher.js'
import type { Properties } from '../../../../core/tls/judge/terms.js'
import { ChainMemory } from '../../../../core/tls/openssl/chain-memory.js'
import { checkSentChain } from '../../../../core/tls/openssl/sent-chain.js'
import { TrustStore } from '../../../../core/tls/openssl/trust-store.js'
import { collectGarbage } from '../../../kit/garbage.js'
import { Handshaker } from '../../../kit/handshakes.js'
import { opensslOrigin, serverInfo } from '../../../kit/openssl-origin.js'
import { makeAuthority } from '../../../kit/pki.js'
import { makeTempDir } from '../../../kit/temp-dir.js'

const root = await makeAuthority({ name: 'Root' })
const middle = await makeAuthority({ name: 'Middle', parent: root })
const other = await middle.issue({ cn: 'other.test' })
/** RFC 6960 section 4.2.1: a response that says `unauthorized`. */
const OCSP = Buffer.from([0x30, 3, 0x0a, 1, 6])
const STAMPS = Buffer.from('0006000401020304', 'hex')

/** Everything a plugin is shown, as a value of its own; the deadline, which two clocks make, is compared apart from it. */
function copyOf(event: VerifyServerEvent): unknown {
  const { sni, host, port, chain, builtChain, builtIn, checks, protocol, cipher, alpn } = event
  const { id, direction, remoteAddress, localAddress } = event.vconn
  return structuredClone({
    ...{ sni, host, port, protocol, cipher, alpn, builtIn, checks },
    chain: chain.map(certificateCopy),
    builtChain: builtChain.map(certificateCopy),
    ocspResponse: event.ocspResponse?.toString('hex'),
    sctList: event.sctList?.toString('hex'),
    vconn: { id, direction, remoteAddress, localAddress },
  })
}

function certificateCopy({ der, subject, issuer, sha256, pem, x509 }: Certificate): unknown {
  const { fingerprint256, validTo, raw } = x509
  return { subject, issuer, sha256, pem, fingerprint256, validTo, der: der.toString('hex'), raw: raw.length }
}

const FIELDS = ['ok', 'name', 'code', 'sha256', 'subject', 'der', 'x509', 'fingerprint256', 'length', '0']

/** Writes over everything that can be reached from an object, whichever way it can be written. */
function vandalize(target: object, done = new Set<object>()): void {
  if (done.has(target)) return
  done.add(target)
  if (target instanceof Uint8Array) return void target.fill(0)
  for (const key of [...Reflect.ownKeys(target), ...FIELDS]) {
    const value: unknown = Reflect.get(target, key)
    if (typeof value === 'object' && value !== null) vandalize(value, done)
    overwrite(target, key)
  }
}

function overwrite(target: object, key: string | symbol): void {
  attempt(() => Reflect.set(target, key, 'spoilt'))
  attempt(() => Reflect.defineProperty(target, key, { value: 'spoilt' }))
  attempt(() => Reflect.deleteProperty(target, key))
}

/** A change may be refused by an exception, or quietly. */
function attempt(change: () => unknown): void {
  try {
    change()
  } catch (why) {
    if (!(why instanceof TypeError || why instanceof RangeError)) throw why
  }
}

function spoil(event: VerifyServerEvent): void {
  for (const certificate of [...event.chain, ...event.builtChain]) {
    vandalize(certificate.der)
    vandalize(certificate.x509)
    vandalize(certificate)
  }
  for (const list of [event.chain, event.builtChain] as Certificate[][]) {
    attempt(() => list.push(...list))
    attempt(() => list.reverse())
    attempt(() => list.splice(0))
    vandalize(list)
  }
  vandalize(event.checks)
  vandalize(event.builtIn)
  if (event.ocspResponse !== undefined) vandalize(event.ocspResponse)
  if (event.sctList !== undefined) vandalize(event.sctList)
  for (const key of ['id', 'direction', 'remoteAddress', 'localAddress', 'close', 'isClosed', 'args']) {
    overwrite(event.vconn, key)
  }
}

for (const tls of ['1.2', '1.3'] as const) {
  test(`TLS ${tls}: no plugin can change what the next one sees, or a later handshake`, async t => {
    const dir = makeTempDir()
    t.teardown(() => dir.remove())
    const info = dir.file('info.pem', serverInfo(18, STAMPS))
    const args = ['-status_file', dir.file('ocsp', OCSP), '-serverinfo', info]
    const origin = await opensslOrigin({ ...other, tls, args })
    t.teardown(() => origin.stop())
    const seen: unknown[] = []
    const argsSeen: unknown[] = []
    const deadlines: number[] = []
    const look = (event: VerifyServerEvent): void => {
      seen.push(copyOf(event))
      argsSeen.push({ ...event.vconn.args })
      deadlines.push(event.deadline)
    }
    const handshaker = new Handshaker(
      root.certPem,
      [
        event => {
          look(event)
          Reflect.set(event.vconn.args, 'first', 'mine')
          overwrite(event, 'deadline')
          spoil(event)
          event.reenable()
        },
        event => {
          look(event)
          event.reenable()
        },
      ],
      { override: 1 },
    )
    t.teardown(() => handshaker.stop())
    for (let i = 0; i < 2; i++) {
      const opened = await handshaker.start(origin.port, 'foo.test')
      t.same([...handshaker.closed.values()].at(-1), 0, 'no plugin has closed the VConn')
      t.match(handshaker.accepted[i]?.builtIn, { ok: false, code: 62 }, 'nor changed what is logged')
      opened.link.destroy()
    }
    const [first, second, third, fourth] = seen as [VerifyServerEvent, unknown, VerifyServerEvent, unknown]
    t.match(first, { builtIn: { ok: false, code: 62 }, chain: [{ subject: '/CN=other.test' }, {}] })
    t.equal(Reflect.get(first, 'ocspResponse'), OCSP.toString('hex'), 'with a stapled response')
    t.equal(Reflect.get(first, 'sctList'), STAMPS.toString('hex'), 'and timestamps')
    t.match(first.cipher, tls === '1.3' ? /^TLS_/ : /^ECDHE-/, 'and the cipher')
    t.strictSame(second, first)
    const [sooner = NaN, later = NaN] = deadlines
    t.ok(Math.abs(sooner - later) < 1000, `one deadline, seen as ${sooner} and ${later}`)
    t.strictSame(fourth, third)
    t.strictSame([third.chain, third.builtChain], [first.chain, first.builtChain])
    t.same(argsSeen, [{}, { first: 'mine' }, {}, { first: 'mine' }], 'the args are there to be written')
  })
}

test('a certificate stays usable when it cannot be changed', async t => {
  const { x509, der } = certificateOf(new X509Certificate(other.certPem).raw)
  t.equal(x509.checkHost('other.test'), 'other.test')
  t.equal(x509.checkIssued(middle.cert), true)
  t.equal(x509.verify(middle.cert.publicKey), true)
  t.equal(x509.toString(), new X509Certificate(der).toString())
})

/** Megabytes held after a garbage collection. */
async function held(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage()
    await turn() // buffers are swept by another thread
  }
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1e6
}

test('certificates that are shown once do not stay in memory', async t => {
  for (const [count, size] of [
    [1000, 100_000],
    [6000, 16_000],
    [20_000, 1000],
  ] as const) {
    const before = await held()
    for (let i = 0; i < count; i++) certificateOf(randomBytes(size)).sha256
    const grown = (await held()) - before
    t.ok(grown < 25, `${count} of ${size} bytes are held in less than 25 MB (${grown.toFixed(1)})`)
  }
})

test('a certificate of usual size is parsed once', async t => {
  const { raw } = new X509Certificate(other.certPem)
  t.equal(certificateOf(Buffer.from(raw)), certificateOf(Buffer.from(raw)))
})

test('a chain of unusual size is not remembered as good', async t => {
  const leaf = new X509Certificate(other.certPem).raw
  const memory = new ChainMemory()
  const long = Array<Buffer>(Math.ceil(40_000 / leaf.length)).fill(leaf)
  for (const sent of [[leaf], long]) memory.remember(sent, [leaf])
  t.same(memory.recall([leaf]), [leaf])
  t.equal(memory.recall(long), undefined)
})

test('a chain is good again only as long as all of it is valid', async t => {
  const leaf = new X509Certificate(other.certPem)
  const end = Date.parse(leaf.validTo)
  const memory = new ChainMemory()
  memory.remember([leaf.raw], [leaf.raw, new X509Certificate(root.certPem).raw])
  t.equal(memory.recall([leaf.raw], end - 1000)?.length, 2)
  t.equal(memory.recall([leaf.raw], end), undefined)
  t.equal(memory.recall([leaf.raw], end + 1000), undefined)
})

test('what Node cannot read is not remembered as good', async t => {
  const memory = new ChainMemory()
  const unreadable = randomBytes(500)
  memory.remember([unreadable], [unreadable])
  t.equal(memory.recall([unreadable]), undefined)
})

test('alternative names count once the signature does, where it is checked', async t => {
  const leaf = (await root.issue({ cn: 'names.test' })).cert.raw
  const shown = {
    protocol: '',
    cipher: '',
    group: undefined,
    alpn: undefined,
    ocspResponse: undefined,
    sctList: undefined,
  }
  const of = { host: 'names.test', isAddress: false, sni: undefined }
  const sans = [sanMatcher('dns', 'regex', '[a-z]+\\.test')]
  const pins = { sans, spkiPins: new Set(''), certPins: new Set(''), minRsaBits: 0, minEcBits: 0 }
  const rule = (anchors: readonly string[], properties: Properties) => {
    const store = new TrustStore({ anchors })
    const peer = { ...checkSentChain(store, [leaf], of), ...shown }
    store.free()
    return toEvidence(peer, of, { properties, pins }).checks.rule
  }
  for (const properties of ['ALL', 'SIGNATURE', 'NAME', 'NONE'] as const)
    t.match(rule([root.certPem], properties), { ok: true }, properties)
  const stranger = (await makeAuthority({ name: 'Stranger' })).certPem
  for (const properties of ['ALL', 'SIGNATURE'] as const)
    t.match(rule([stranger], properties), { ok: false, message: /the chain is not verified/ }, properties)
  for (const properties of ['NAME', 'NONE'] as const)
    t.match(rule([stranger], properties), { ok: true }, `${properties}: the operator asked for no more`)
})
