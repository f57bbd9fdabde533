import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { BuiltInResult, Certificate, PeerEvidence } from '../../../../core/api/certificate.js'
import { accept } from '../../../../core/api/verdict.js'
import { type Question, sharedKeyOf, VerdictCache } from '../../../../core/tls/judge/verdict-cache.js'
import { evidenceOf, OK } from '../../../kit/evidence.js'
import { moveDate } from '../../../kit/wall-clock.js'

const EXPIRED: BuiltInResult = {
  ok: false,
  name: 'X509_V_ERR_CERT_HAS_EXPIRED',
  code: 10,
  depth: 1,
  message: 'certificate has expired',
}
const certificate = (sha256: string): Certificate => ({ sha256, der: Buffer.from(sha256) }) as Certificate
const [leaf, issuer, other] = ['leaf', 'issuer', 'other'].map(certificate)

const question = (change: Partial<Question> = {}, evidence: Partial<PeerEvidence> = {}): Question => ({
  asked: 'plugin',
  policy: 'policy',
  port: 443,
  network: '10.0.0.1',
  ...change,
  evidence: evidenceOf({
    chain: [leaf, issuer] as Certificate[],
    builtChain: [leaf, issuer] as Certificate[],
    ...evidence,
  }),
})
const now = (): number => performance.now()

/** What makes another question of the one above, whatever the scope. */
const OTHERS: Readonly<Record<string, Question>> = {
  'another host': question({}, { host: 'bar.test' }),
  'another SNI': question({}, { sni: undefined }),
  'another leaf': question({}, { chain: [other, issuer] as Certificate[] }),
  'another policy': question({ policy: 'another' }),
  'another plugin, or generation of it': question({ asked: 'another' }),
  'another result of the built-in check': question({}, { builtIn: EXPIRED }),
  'a part of the check that failed': question({}, { checks: { signature: OK, name: EXPIRED } }),
  'a rule': question({}, { checks: { signature: OK, name: OK, rule: OK } }),
}
/** What makes another one within scope `chain`. */
const OTHER_CHAINS: Readonly<Record<string, Question>> = {
  'another issuer sent': question({}, { chain: [leaf, other] as Certificate[] }),
  'another issuer found': question({}, { builtChain: [leaf, other] as Certificate[] }),
  'another port': question({ port: 8443 }),
}
/** What makes another one to share an answer with. */
const OTHER_MOMENTS: Readonly<Record<string, Question>> = {
  'a stapled response': question({}, { ocspResponse: Buffer.from('x') }),
  timestamps: question({}, { sctList: Buffer.from('x') }),
  'another protocol': question({}, { protocol: 'TLSv1.2' }),
  'another cipher': question({}, { cipher: 'x' }),
  'another group': question({}, { group: 'x' }),
  'another ALPN': question({}, { alpn: 'h2' }),
}

test('an acceptance is remembered if its plugin says so', async t => {
  for (const scope of ['chain', 'host'] as const) {
    const cache = new VerdictCache(10)
    cache.put(question(), accept({ cacheFor: 1000, scope }), now())
    t.match(cache.find(question()), { kind: 'accept' })
    for (const [what, asked] of Object.entries(OTHERS))
      t.notOk(cache.find(asked), `${scope}: not for ${what}`)
    for (const [what, asked] of Object.entries(OTHER_CHAINS))
      t.equal(cache.find(asked) !== undefined, scope === 'host', `${scope}: ${what}`)
    for (const [what, asked] of Object.entries(OTHER_MOMENTS)) t.ok(cache.find(asked), `${scope}: ${what}`)
  }
})

test('a call is shared only between handshakes that are equal in everything', async t => {
  const key = sharedKeyOf(question(), 0)
  t.equal(sharedKeyOf(question(), 0), key)
  t.not(sharedKeyOf(question(), 1), key, 'not with those who asked before a revocation')
  const all = Object.entries({ ...OTHERS, ...OTHER_CHAINS, ...OTHER_MOMENTS })
  for (const [what, asked] of all) t.not(sharedKeyOf(asked, 0), key, what)
})

test('a remembered verdict ends with its time and with its certificates', async t => {
  const cache = new VerdictCache(10)
  for (const cacheFor of [undefined, 0, -1, Number.NaN, Infinity] as number[]) {
    cache.put(question(), accept({ cacheFor }), now())
    t.equal(cache.size, 0, `cacheFor ${cacheFor} remembers nothing`)
  }
  cache.put(question(), accept({ cacheFor: 500 }), now())
  t.ok(cache.find(question()))
  await sleep(510)
  t.notOk(cache.find(question()), 'as long as the plugin said')

  const begun = Date.now()
  cache.put(question(), accept({ cacheFor: 10_000, expiresIn: 500 }), now())
  const expiresAt = cache.find(question())?.expiresAt ?? 0
  t.ok(expiresAt >= begun + 500 && expiresAt <= Date.now() + 500, 'the end of the verdict is kept')
  await sleep(510)
  t.notOk(cache.find(question()), 'and never longer than the verdict')
  cache.put(question(), accept({ cacheFor: 10_000, expiresIn: 0 }), now())
  t.notOk(cache.find(question()))
  cache.put(question(), accept({ cacheFor: 120_000, expiresIn: 60_000 }), now())
  t.ok(cache.find(question()))
  moveDate(t, 61_000)
  t.notOk(cache.find(question()), 'also where the clock of the cache stood still')
})

test('the number of remembered verdicts is bounded', async t => {
  const cache = new VerdictCache(2)
  for (const host of ['a', 'b', 'c']) cache.put(question({}, { host }), accept({ cacheFor: 1000 }), now())
  t.equal(cache.size, 2)
  t.notOk(cache.find(question({}, { host: 'a' })), 'the one used longest ago goes first')
})

test('a client network that has many verdicts remembered evicts its own', async t => {
  const cache = new VerdictCache(4)
  const yes = accept({ cacheFor: 10_000 })
  cache.put(question({ network: 'one' }, { host: 'mine' }), yes, now())
  for (let i = 0; i < 20; i++) cache.put(question({ network: 'many' }, { host: `h${i}` }), yes, now())
  t.equal(cache.size, 4)
  t.ok(cache.find(question({ network: 'one' }, { host: 'mine' })))
  t.ok(cache.find(question({ network: 'other' }, { host: 'mine' })), 'whoever asks')
})

test('a revocation forgets the verdicts that it is about', async t => {
  const cache = new VerdictCache(10)
  const yes = accept({ cacheFor: 10_000 })
  const bar = question({}, { host: 'bar.test' })
  for (const asked of [question(), question({ port: 8443 }), bar]) cache.put(asked, yes, now())
  t.equal(
    cache.revoke(host => host === 'foo.test'),
    2,
  )
  t.notOk(cache.find(question()))
  const [entry] = cache.list()
  t.match(entry, { host: 'bar.test', asked: 'plugin', scope: 'chain' })
  const left = (entry?.endsAt ?? 0) - Date.now()
  t.ok(left > 0 && left <= 10_000)
  t.equal(cache.hostOf(entry?.key ?? ''), 'bar.test')
  t.equal(cache.hostOf('no such key'), undefined)
  t.equal(
    cache.revoke((_host, _leaf, key) => key === 'no such key'),
    0,
  )
  t.equal(
    cache.revoke((_host, _leaf, key) => key === entry?.key),
    1,
  )
  t.notOk(cache.find(bar))
  t.equal(cache.revocations, 3)

  const before = now()
  cache.revoke(() => false)
  cache.put(question(), yes, before)
  t.notOk(cache.find(question()), 'an answer to a question from before a revocation is not remembered')
  await sleep(2)
  cache.put(question(), yes, now())
  t.ok(cache.find(question()), 'one to a later question is')
})
