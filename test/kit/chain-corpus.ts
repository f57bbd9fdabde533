/** The corpora of test/fixtures/chains, judged as the engine judges a handshake. */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import t from 'tap'
import type { BuiltInResult } from '../../core/api/certificate.js'
import { ProxyError } from '../../core/base/errors.js'
import { toEvidence } from '../../core/tls/judge/evidence.js'
import { liveNatives } from '../../core/tls/openssl/owned.js'
import { checkSentChain } from '../../core/tls/openssl/sent-chain.js'
import { type Trust, TrustStore } from '../../core/tls/openssl/trust-store.js'

type Verdict = 'accept' | 'reject'

/** A line of a corpus; README.md there describes the fields. */
interface ChainCase {
  readonly id: string
  readonly name: string | null
  readonly time: number | null
  readonly expect: Verdict
  readonly roots: readonly string[]
  readonly chain: readonly string[]
  readonly crls: readonly string[]
}

/** Cases in which this program says something else than their corpus, and why it does. */
export interface Disagreement {
  readonly why: string
  /** What this program says. */
  readonly says: Verdict
  readonly cases: readonly string[]
  /** The OpenSSL, such as 3.0, in which alone it is so; default: in all. */
  readonly onlyIn?: string
}

/**
 * Tests that every case of a corpus is judged as the corpus expects, or is on the list. A list that names a case which
 * agrees, or which there is not, fails.
 */
export function testCorpus(corpus: string, disagreements: readonly Disagreement[]): void {
  const cases = readCases(corpus)
  const listed = new Map<string, Verdict>()
  const openssl = process.versions.openssl.split('.', 2).join('.')
  for (const { says, cases, onlyIn = openssl } of disagreements) {
    if (onlyIn === openssl) for (const id of cases) listed.set(id, says)
  }
  t.test(`${corpus}: ${cases.length} chains`, async t => {
    t.ok(cases.length > 0, 'there are cases')
    const disagreeing: string[] = []
    for (const one of cases) {
      const { verdict, detail } = judge(one)
      if (verdict !== one.expect) disagreeing.push(one.id)
      t.equal(verdict, listed.get(one.id) ?? one.expect, `${one.id}: ${detail}`)
    }
    t.same([...listed.keys()].sort(), disagreeing.sort(), 'the list is what disagrees, and nothing else')
    const agreeing = cases.length - disagreeing.length
    t.equal(
      documented(corpus, openssl),
      `${agreeing} of ${cases.length}`,
      'docs/conformance.md says how many',
    )
    for (const [kind, count] of Object.entries(liveNatives())) {
      if (kind !== 'scratch BIO') t.equal(count, 0, `no ${kind} is left`)
    }
  })
}

/** Tests that no verdict of a corpus depends on the order in which the issuers are sent. */
export function testOrders(corpus: string): void {
  t.test(`${corpus}: in other orders`, async t => {
    for (const one of readCases(corpus)) {
      const { verdict } = judge(one)
      for (const [what, chain] of Object.entries(orders(one.chain)))
        t.equal(judge({ ...one, chain }).verdict, verdict, `${one.id}: ${what}`)
    }
  })
}

function orders([leaf = '', ...issuers]: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const half = Math.floor(issuers.length / 2)
  const halves = [issuers.slice(half), issuers.slice(0, half)]
  return {
    reversed: [leaf, ...issuers.toReversed()],
    halved: [leaf, ...halves.flat()],
    'halved, reversed': [leaf, ...halves.flat().toReversed()],
    'every second': [leaf, ...[0, 1].flatMap(odd => issuers.filter((_, i) => i % 2 === odd))],
  }
}

/** How many chains of a corpus are judged as it expects, by the table of the documentation. */
function documented(corpus: string, openssl: string): string {
  const page = readFileSync('docs/conformance.md', 'utf8')
  const [, row = ''] = new RegExp(`^\\| [^|]+\\(\`${corpus}\`\\) \\|(.*)\\|$`, 'm').exec(page) ?? []
  const [all, , , now30, now35] = row.split('|').map(cell => cell.trim())
  return `${openssl === '3.0' ? now30 : now35} of ${all}`
}

function readCases(corpus: string): readonly ChainCase[] {
  const lines = readFileSync(`test/fixtures/chains/${corpus}.jsonl`, 'utf8').trim().split('\n')
  return lines.map(line => JSON.parse(line) as ChainCase)
}

/** What a handshake's built-in check makes of a case, at the case's time. */
function judge({ name, time, roots, chain, crls }: ChainCase): { verdict: Verdict; detail: string } {
  const lists = crls.map(der => pem('X509 CRL', der)).join('')
  const trust: Trust = {
    anchors: roots.map(der => pem('CERTIFICATE', der)),
    ...(crls.length > 0 && { crls: { pem: lists, from: 'the corpus', isLeafOnly: false } }),
    ...(time !== null && { at: time * 1000 }),
  }
  try {
    const result = builtInResult(trust, chain, name)
    return { verdict: result.ok ? 'accept' : 'reject', detail: `${result.name} at ${result.depth}` }
  } catch (why) {
    // What cannot be read, a root or a list of the configuration included, ends in no handshake.
    if (why instanceof ProxyError) return { verdict: 'reject', detail: why.message }
    throw why
  }
}

function builtInResult(trust: Trust, chain: readonly string[], name: string | null): BuiltInResult {
  const store = new TrustStore(trust)
  const of = { host: name ?? 'any.test', isAddress: name !== null && isIP(name) !== 0, sni: undefined }
  try {
    const sent = chain.map(der => Buffer.from(der, 'base64'))
    const shown = {
      protocol: '',
      cipher: '',
      group: undefined,
      alpn: undefined,
      ocspResponse: undefined,
      sctList: undefined,
    }
    const peer = { ...checkSentChain(store, sent, of), ...shown }
    const properties = name === null ? 'SIGNATURE' : 'ALL'
    return toEvidence(peer, of, { properties, pins: undefined }).builtIn
  } finally {
    store.free()
  }
}

const pem = (label: string, der: string): string =>
  `-----BEGIN ${label}-----\n${der.replace(/.{64}/g, '$&\n').trim()}\n-----END ${label}-----\n`
