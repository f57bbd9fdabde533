/**
 * Remembered verdicts of a fleet, over a store that keeps all that it was ever given.
 * Longer than 250 lines because all cases share one store and one kind of member.
 */
import { mock } from 'node:test'
import { type Test, test } from 'tap'
import type { Certificate } from '../../../../core/api/certificate.js'
import { accept } from '../../../../core/api/verdict.js'
import { RecentRevocations } from '../../../../core/tls/judge/recent-revocations.js'
import type { IsRevoked } from '../../../../core/tls/judge/revocation.js'
import { type Question, VerdictCache } from '../../../../core/tls/judge/verdict-cache.js'
import { evidenceOf } from '../../../kit/evidence.js'
import { Shelf } from '../../../kit/shelf.js'

const HOUR = 3_600_000
const MINUTE = 60_000
const certificate = (sha256: string, ends = HOUR * 24): Certificate =>
  ({
    sha256,
    der: Buffer.from(sha256),
    x509: { validTo: new Date(Date.now() + ends).toUTCString() },
  }) as Certificate
const leaf = certificate('leaf')

const question = (host = 'foo.test', change: Partial<Question> = {}, chain = [leaf]): Question => ({
  asked: 'plugin',
  policy: `of a generation ${Math.random()}`,
  fleetPolicy: 'policy',
  port: 443,
  network: '10.0.0.1',
  ...change,
  evidence: evidenceOf({ sni: host, host, chain, builtChain: chain }),
})

/** The clock stands still until it is moved. */
function clock(t: Test): (ms: number) => void {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  return ms => mock.timers.tick(ms)
}

/** Milliseconds for which a process has read the stream: a busy machine takes a while from a question to its answer. */
const READY_FOR = 1000

/** A process: its cache, and what it is told. */
function member(shelf: Shelf, since = Date.now() - READY_FOR) {
  let readySince: number | undefined = since
  const recent = new RecentRevocations()
  const cache = new VerdictCache(10, { store: shelf.store(() => readySince), recent, since })
  return {
    cache,
    hear: (isRevoked: IsRevoked) => {
      recent.add(isRevoked)
      cache.revoke(isRevoked)
    },
    lose: () => {
      readySince = undefined
    },
    connect: () => {
      readySince = Date.now() - READY_FOR
    },
    /** As if it had been asked now. */
    accepts: (asked: Question, verdict = accept({ cacheFor: HOUR })) =>
      cache.put(asked, verdict, performance.now()),
    finds: async (asked: Question) => (await cache.findShared(asked)) !== undefined,
  }
}

const about =
  (revoked: string): IsRevoked =>
  host =>
    host === revoked

test('a verdict of one is found by the other, for the same question only', async t => {
  const shelf = new Shelf()
  const [one, two] = [member(shelf), member(shelf)]
  const asked = question()
  one.accepts(asked)
  t.equal(await two.finds(question()), true)
  t.ok(two.cache.find({ ...asked, policy: asked.policy }) === undefined, 'each has policies of its own')
  for (const [what, other] of Object.entries({
    'another host': question('bar.test'),
    'another policy': question('foo.test', { fleetPolicy: 'other' }),
    'another plugin': question('foo.test', { asked: 'other' }),
    'another port': question('foo.test', { port: 8443 }),
    'another leaf': question('foo.test', {}, [certificate('other')]),
    'a policy that is not shared': question('foo.test', { fleetPolicy: undefined }),
  }))
    t.equal(await two.finds(other), false, what)
  one.accepts(question('host.test'), accept({ cacheFor: HOUR, scope: 'host' }))
  t.equal(await two.finds(question('host.test', { port: 8443 })), true, 'scope host is about every port')
})

test('one that is found is remembered for a minute, and no longer than it lasts', async t => {
  const shelf = new Shelf()
  const [one, two] = [member(shelf), member(shelf)]
  one.accepts(question())
  const asked = question()
  t.equal(await two.finds(asked), true)
  t.ok(two.cache.find(asked))
  const [{ endsAt = 0 } = {}] = two.cache.list()
  t.ok(endsAt <= Date.now() + MINUTE + 10)
  one.accepts(question('b.test'), accept({ cacheFor: HOUR, expiresIn: 5000 }))
  const found = await two.cache.findShared(question('b.test'))
  const { expiresAt = 0 } = found?.verdict ?? {}
  t.ok(expiresAt > Date.now() && expiresAt <= Date.now() + 5000)
})

test('an item lives no longer than the plugin, the verdict, the chain and the record allow', async t => {
  clock(t)
  const life = (asked: Question, verdict = accept({ cacheFor: 24 * HOUR })): number => {
    const shelf = new Shelf()
    member(shelf).accepts(asked, verdict)
    return [...shelf.items.values()][0]?.life ?? 0
  }
  const atMost = (found: number, most: number, what: string): void => {
    t.ok(found > most - 2000 && found <= most, `${what}: ${found}`)
  }
  atMost(life(question()), HOUR, 'the record')
  atMost(life(question(), accept({ cacheFor: 9000 })), 9000, 'the plugin')
  atMost(life(question(), accept({ cacheFor: HOUR, expiresIn: 9000 })), 9000, 'the verdict')
  const short = [leaf, certificate('issuer', 9000)]
  atMost(life(question('foo.test', {}, short)), 9000, 'the chain')
  t.equal(life(question('foo.test', {}, [certificate('old', -1000)])), 0)
})

test('an item says itself when it ends: one that is put back later counts no more', async t => {
  const tick = clock(t)
  const shelf = new Shelf()
  const [one, two] = [member(shelf), member(shelf)]
  one.accepts(question(), accept({ cacheFor: 10_000 }))
  tick(9999)
  t.equal(await two.finds(question()), true)
  tick(2)
  t.equal(await two.finds(question()), false)
})

test('a revocation takes the own out, and what others still have does not count', async t => {
  const shelf = new Shelf()
  const [one, two] = [member(shelf), member(shelf)]
  one.accepts(question())
  one.accepts(question('bar.test'))
  t.equal(shelf.items.size, 2)
  one.hear(about('foo.test'))
  t.equal(shelf.items.size, 1, 'the own is taken out at once')
  shelf.putBack()
  t.equal(await one.finds(question()), false, 'put back, it counts for none that has heard of it')
  t.equal(await two.finds(question()), true, 'the other has not heard yet')
  two.hear(about('foo.test'))
  t.equal(two.cache.size, 0)
  t.equal(await two.finds(question()), false)
  t.equal(await two.finds(question('bar.test')), true, 'it is about that host alone')
})

test('a revocation beats what another accepts that has not heard of it', async t => {
  const tick = clock(t)
  const shelf = new Shelf()
  const [one, two] = [member(shelf), member(shelf)]
  one.hear(about('foo.test'))
  tick(5000)
  two.accepts(question())
  t.equal(await one.finds(question()), false)
  two.hear(about('foo.test'))
  t.equal(shelf.items.size, 0)
  tick(2 * MINUTE)
  two.accepts(question())
  t.equal(await one.finds(question()), true, 'what is accepted well after it counts again')
})

test('one whose connection was lost trusts what was accepted after it was back', async t => {
  const tick = clock(t)
  const shelf = new Shelf()
  const [one, two] = [member(shelf), member(shelf)]
  one.lose()
  one.hear(about('foo.test'))
  tick(HOUR / 2)
  two.accepts(question())
  two.accepts(question('bar.test'))
  t.equal(await one.finds(question('bar.test')), false, 'while it is alone it asks nothing')
  one.connect()
  t.equal(await one.finds(question()), false, 'the other cannot have heard of it')
  t.equal(await one.finds(question('bar.test')), true)
})

test('what was asked while alone is not shared, nor what a revocation came between', async t => {
  const shelf = new Shelf()
  const one = member(shelf)
  one.lose()
  one.accepts(question())
  const since = performance.now() - 1000
  one.connect()
  one.cache.put(question(), accept({ cacheFor: HOUR }), since)
  t.equal(shelf.items.size, 0)
  const before = performance.now() - 1
  one.hear(() => false)
  one.cache.put(question(), accept({ cacheFor: HOUR }), before)
  t.equal(shelf.items.size, 0)
})

test('a revocation while Redis is asked beats its answer', async t => {
  const shelf = new Shelf()
  const [one, two] = [member(shelf), member(shelf)]
  one.accepts(question())
  const found = two.cache.findShared(question())
  two.hear(about('foo.test'))
  t.equal(await found, undefined)
  t.equal(two.cache.size, 0)
})

test('a question that waits for an answer of the fleet learns whether it was revoked since it was found', async t => {
  const shelf = new Shelf()
  const [one, two] = [member(shelf), member(shelf)]
  one.accepts(question())
  const answers = await Promise.all([two.cache.findShared(question()), two.cache.findShared(question())])
  t.equal(answers[0]?.revocations, two.cache.revocations)
  two.hear(about('foo.test'))
  t.not(answers[1]?.revocations, two.cache.revocations)
})

test('a generation begins with none, and ends with its own', async t => {
  const tick = clock(t)
  const shelf = new Shelf()
  const one = member(shelf)
  one.accepts(question())
  tick(1000)
  const next = member(shelf)
  t.equal(await next.finds(question()), false, 'what was asked before it was read')
  one.cache.stopSharing()
  t.equal(shelf.items.size, 0)
  one.accepts(question())
  t.equal(shelf.items.size, 0, 'and it shares nothing more')
  t.equal(one.cache.findShared(question()), undefined)
})

test('what another version has written is passed over', async t => {
  const shelf = new Shelf()
  const [one, two] = [member(shelf), member(shelf)]
  one.accepts(question())
  const [id = ''] = shelf.items.keys()
  for (const text of ['', 'null', '[]', '{}', '{"askedAt":"now","endsAt":9e15}', 'x']) {
    shelf.items.set(id, { item: Buffer.from(text), life: HOUR })
    t.equal(await two.finds(question()), false, text)
  }
})

test('a process keeps so many there, and a client network loses its own', async t => {
  const shelf = new Shelf()
  const one = member(shelf, 1)
  one.accepts(question('mine.test', { network: 'one' }))
  for (let i = 0; i < 30; i++) one.accepts(question(`${i}.test`, { network: 'many' }))
  t.equal(shelf.items.size, 10)
  t.equal(await member(shelf, 1).finds(question('mine.test')), true)
})

test('many revocations cost no memory without end, and then all that is older is refused', async t => {
  const tick = clock(t)
  const recent = new RecentRevocations()
  const start = Date.now()
  for (let i = 0; i < 10_001; i++) recent.add(about(`${i}.test`))
  t.equal(
    recent.beat('other.test', () => undefined, start, 0),
    true,
    'the first may have been about it',
  )
  tick(MINUTE + 1)
  t.equal(
    recent.beat('other.test', () => undefined, Date.now(), 0),
    false,
  )
  t.equal(
    recent.beat('other.test', () => undefined, Date.now() + 2 * MINUTE, 0),
    true,
    'from a wrong clock',
  )
})
