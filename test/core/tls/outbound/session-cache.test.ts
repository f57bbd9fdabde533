import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { test } from 'tap'
import type { VerifiedPeer } from '../../../../core/tls/judge/verdict.js'
import type { OutboundEngine } from '../../../../core/tls/openssl/outbound-engine.js'
import type { OutboundSession } from '../../../../core/tls/openssl/outbound-session.js'
import { SessionCache } from '../../../../core/tls/outbound/session-cache.js'
import type { SessionAges } from '../../../../core/tls/outbound/session-facts.js'
import { SessionUse } from '../../../../core/tls/outbound/session-use.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NETWORK = '10.0.0.1'

/** Stands for a session of OpenSSL. A second free is an error. */
class Session {
  frees = 0
  readonly lifetime: number
  constructor(lifetime = HOUR) {
    this.lifetime = lifetime
  }
  free(): void {
    this.frees += 1
  }
  get asClient(): OutboundSession {
    return this as unknown as OutboundSession
  }
}

/** What a session rests on: certificates that end, and a verdict that may. */
function peer(validFor: readonly number[] = [DAY], expiresIn?: number): VerifiedPeer {
  const chain = validFor.map(ms => ({ x509: { validTo: new Date(Date.now() + ms).toUTCString() } }))
  const expiresAt = expiresIn === undefined ? undefined : Date.now() + expiresIn
  return { evidence: { chain: chain.slice(0, 1), builtChain: chain }, expiresAt } as unknown as VerifiedPeer
}

const now = (): SessionAges => ({ givenAt: Date.now(), shownAt: Date.now() })

test('what is put is taken once, the newest first', async t => {
  const cache = new SessionCache(10)
  const [one, two, three] = [new Session(), new Session(), new Session()]
  const accepted = peer()
  for (const session of [one, two, three]) cache.put('a', NETWORK, session.asClient, accepted, now())
  t.equal(one.frees, 1, 'two are kept, the oldest goes')
  t.equal(cache.take('b', NETWORK), undefined, 'under its own key only')
  t.match(cache.take('a', NETWORK), { session: three, peer: accepted })
  t.equal(cache.take('a', NETWORK)?.session, two)
  t.equal(cache.take('a', NETWORK), undefined)
  t.same([two.frees, three.frees], [0, 0], 'who takes a session owns it')
  cache.put('a', NETWORK, two.asClient, accepted, now())
  t.equal(cache.take('a', NETWORK)?.session, two, 'and may put it back')
  cache.close()
  t.same([one.frees, two.frees, three.frees], [1, 0, 0])
})

test('a session ends with the first of all that it rests on', async t => {
  const cache = new SessionCache(10)
  const ago = (ms: number): number => Date.now() - ms
  const ended: Readonly<Record<string, readonly [Session, VerifiedPeer, SessionAges]>> = {
    'what the origin allows': [new Session(HOUR), peer(), { givenAt: ago(HOUR), shownAt: ago(HOUR) }],
    'a lifetime of nothing': [new Session(0), peer(), now()],
    'its leaf': [new Session(), peer([-1000, DAY]), now()],
    'an issuer': [new Session(), peer([DAY, -1000]), now()],
    'the verdict': [new Session(), peer([DAY], -1), now()],
    'a day since the chain was shown': [
      new Session(9 * DAY),
      peer([9 * DAY]),
      { givenAt: ago(0), shownAt: ago(DAY) },
    ],
  }
  for (const [what, [session, accepted, ages]] of Object.entries(ended)) {
    cache.put(what, NETWORK, session.asClient, accepted, ages)
    t.equal(cache.take(what, NETWORK), undefined, what)
    t.equal(session.frees, 1, 'and it is freed')
  }
  const unreadable = new Session()
  const evidence = { chain: [{ x509: { validTo: 'never' } }], builtChain: [] }
  cache.put('date', NETWORK, unreadable.asClient, { evidence } as unknown as VerifiedPeer, now())
  t.equal(cache.take('date', NETWORK), undefined, 'a date that nobody can read has passed')
  t.equal(unreadable.frees, 1)

  const short = new Session()
  cache.put('short', NETWORK, short.asClient, peer([DAY], 30), now())
  await sleep(60)
  t.equal(cache.take('short', NETWORK), undefined, 'also while it is kept')
  t.equal(short.frees, 1)
  cache.close()
})

test('a rejection takes all of an origin along', async t => {
  const cache = new SessionCache(10)
  const [one, two, other] = [new Session(), new Session(), new Session()]
  for (const session of [one, two]) cache.put('a', NETWORK, session.asClient, peer(), now())
  cache.put('b', NETWORK, other.asClient, peer(), now())
  cache.forget('a')
  cache.forget('a')
  t.same([one.frees, two.frees, other.frees], [1, 1, 0])
  t.equal(cache.take('a', NETWORK), undefined)
  t.equal(cache.take('b', NETWORK)?.session, other)
  cache.close()
})

test('revoking frees the sessions that rest on it', async t => {
  const cache = new SessionCache(10)
  const [one, two, other] = [new Session(), new Session(), new Session()]
  const about = (host: string): VerifiedPeer => {
    const { evidence } = peer()
    return { evidence: { ...evidence, host } } as unknown as VerifiedPeer
  }
  cache.put('a', NETWORK, one.asClient, about('a.test'), now())
  cache.put('a', NETWORK, two.asClient, about('b.test'), now())
  cache.put('b', NETWORK, other.asClient, about('b.test'), now())
  t.equal(
    cache.revoke(host => host === 'a.test'),
    1,
  )
  t.same([one.frees, two.frees, other.frees], [1, 0, 0])
  t.equal(
    cache.revoke(() => true),
    2,
  )
  t.same([one.frees, two.frees, other.frees], [1, 1, 1])
  t.equal(cache.take('a', NETWORK), undefined)
})

test('a session of a handshake that began before a revocation is not kept', async t => {
  const cache = new SessionCache(10)
  const settings = { cache, digest: 'policy', isReverified: true }
  const target = { host: 'a.test', port: 443, client: '' }
  const accepted = { ...peer(), evidence: { ...peer().evidence, host: 'a.test', protocol: 'TLSv1.2' } }
  const offered: unknown[] = []
  let give: (session: OutboundSession) => void = () => {}
  const engine = {
    isResumed: true,
    offer: (session: unknown) => offered.push(session),
    onSession: (fn: typeof give) => {
      give = fn
    },
  } as unknown as OutboundEngine
  const stored = (): Session => {
    const session = new Session()
    cache.put('a.test:443 policy', NETWORK, session.asClient, accepted, now())
    return session
  }

  const first = stored()
  const use = (): SessionUse =>
    new SessionUse(settings, target, undefined, () => Promise.reject(new Error('not shared')))
  const before = use()
  before.look(({ type }) => t.equal(type, 'session'))
  cache.revoke(() => false)
  before.offer(engine, accepted)
  t.same(offered, [], 'does not offer what it took out')
  before.keep(engine, accepted)
  t.equal(first.frees, 1, 'does not put it back')
  const late = new Session()
  give(late.asClient)
  t.equal(late.frees, 1, 'and keeps nothing that the origin gives out')

  const second = stored()
  const after = use()
  after.look(({ type }) => t.equal(type, 'session'))
  after.offer(engine, accepted)
  t.same(offered, [second], 'one that began after it does')
  after.keep(engine, accepted)
  give(new Session().asClient)
  t.equal(second.frees, 0)
  t.ok(cache.take('a.test:443 policy', NETWORK))
  cache.revoke(() => false)
  const later = new Session()
  give(later.asClient)
  t.equal(later.frees, 1, 'until the next')
})

test('when there are too many origins, the one used longest ago goes', async t => {
  const cache = new SessionCache(2)
  const sessions = ['a', 'b', 'c'].map(key => {
    const session = new Session()
    cache.put(key, NETWORK, session.asClient, peer(), now())
    return session
  })
  t.same(
    sessions.map(({ frees }) => frees),
    [1, 0, 0],
  )
  cache.close()
  cache.close()
  t.same(
    sessions.map(({ frees }) => frees),
    [1, 1, 1],
    'at the end all are freed, once',
  )
  const late = new Session()
  cache.put('a', NETWORK, late.asClient, peer(), now())
  t.equal(late.frees, 1, 'and so is what comes later')
  t.equal(new SessionCache(0).take('a', NETWORK), undefined, 'a size of 0 is none')
})

test('a client network that asks for many origins evicts its own sessions', async t => {
  const cache = new SessionCache(4)
  const [mine, ...others] = Array.from({ length: 21 }, () => new Session())
  cache.put('mine', 'one', (mine ?? new Session()).asClient, peer(), now())
  for (const [i, { asClient }] of others.entries()) cache.put(`${i}`, 'many', asClient, peer(), now())
  t.equal(mine?.frees, 0)
  t.equal(others.filter(({ frees }) => frees === 0).length, 3)
  t.equal(cache.take('mine', 'one')?.session, mine)
})

test('whatever happens, each session has one owner', async () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd')
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('put'), key, isOver: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('take'), key, isOver: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget'), key, isOver: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('close'), key, isOver: fc.boolean() }) },
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 40 }), (size, steps) => {
      const cache = new SessionCache(size)
      /** The key and end of each that was put. */
      const put = new Map<unknown, { readonly key: string; readonly isOver: boolean }>()
      const taken = new Set<unknown>()
      for (const { do: what, key, isOver } of steps) {
        if (what === 'put') {
          const session = new Session()
          put.set(session, { key, isOver })
          cache.put(key, NETWORK, session.asClient, peer([DAY], isOver ? -1 : HOUR), now())
        } else if (what === 'take') {
          const found = cache.take(key, NETWORK)?.session
          if (found === undefined) continue
          const { key: under, isOver = true } = put.get(found) ?? {}
          if (under !== key || isOver || taken.has(found)) return false
          taken.add(found)
        } else if (what === 'forget') {
          cache.forget(key)
          if (cache.take(key, NETWORK) !== undefined) return false
        } else {
          cache.close()
        }
      }
      cache.close()
      return [...put.keys()].every(session => (session as Session).frees === (taken.has(session) ? 0 : 1))
    }),
    { numRuns: 1000 },
  )
})
