/** What coalescing keeps, and what it looks at, without connections. */
import { test } from 'tap'
import { Coalescing, type CoalescingParts } from '../../../core/origin/coalescing.js'
import type { Http2Exchange } from '../../../core/origin/http2-exchange.js'
import type { Http2Session } from '../../../core/origin/http2-session.js'
import type { Http2Sessions } from '../../../core/origin/http2-sessions.js'
import type { RoutedTarget } from '../../../core/origin/open.js'
import { ONLY_DIRECT } from '../../../core/origin/parents/way.js'
import { certificateOf } from '../../../core/tls/judge/chain-certificate.js'
import type { VerifiedPeer } from '../../../core/tls/judge/verdict.js'
import { makeAuthority } from '../../kit/pki.js'

const [A, B, ADDRESS] = ['a.example', 'b.example', '192.0.2.1']
const root = await makeAuthority({ name: 'Root' })
const leaf = certificateOf((await root.issue({ cn: A, sans: [A, B] })).cert.raw)

const targetOf = (host: string, port = 443): RoutedTarget => ({
  scheme: 'https',
  host,
  isAddress: false,
  port,
  ways: ONLY_DIRECT,
})

const sessionAt = (address: string, shown = leaf): Http2Session =>
  ({
    hasRoom: true,
    originSet: { allows: () => true },
    channel: { link: { remoteAddress: `${address}:443` }, peer: { evidence: { chain: [shown] } } },
    exchange: () => ({}) as Http2Exchange,
  }) as unknown as Http2Session

function stage(...sessions: readonly Http2Session[]) {
  const seen = { judged: 0, examined: 0, isUsable: true, known: undefined as readonly string[] | undefined }
  const judge = (): VerifiedPeer => {
    seen.judged += 1
    return {} as VerifiedPeer
  }
  const names = { known: () => seen.known, resolve: async () => [], forget: () => {} }
  const kept = {
    shared: () => sessions,
    take: (session: Http2Session) => session,
  } as unknown as Http2Sessions
  const parts: CoalescingParts = {
    names: () => ({ canBeJudged: () => true, judge }),
    dial: () => ({ names }),
    sessions: () => kept,
    keyOf: ({ host }) => host,
    digestOf: () => 'digest',
    usable: session => {
      seen.examined += 1
      return session.hasRoom && seen.isUsable ? { target: targetOf(A), parent: undefined, key: A } : undefined
    },
  }
  const coalescing = new Coalescing(parts)
  const ask = (addresses: readonly string[] = [ADDRESS]): 'known' | 'found' | undefined => {
    if (coalescing.reuse(B, '') !== undefined) return 'known'
    return coalescing.find(targetOf(B), addresses, '') && 'found'
  }
  return { ask, seen }
}

test('a chain is judged once for a name, also where its addresses are never known for long (a TTL of 0)', async t => {
  const { ask, seen } = stage(sessionAt(ADDRESS))
  t.strictSame([ask(), ask(), ask()], ['found', 'found', 'found'])
  t.equal(seen.judged, 1)
  seen.known = [ADDRESS]
  t.equal(ask(), 'known')
  t.equal(seen.judged, 1)
})

test('what does not hold is forgotten: another address is judged by a connection of its own', async t => {
  const { ask, seen } = stage(sessionAt(ADDRESS))
  t.equal(ask(), 'found')
  t.equal(ask(['192.0.2.2']), undefined)
  t.equal(ask(), 'found')
  t.equal(seen.judged, 2)
  seen.known = ['192.0.2.2']
  t.equal(ask(['192.0.2.2']), undefined)
})

test('of many connections at one address few are examined for a name', async t => {
  const stranger = certificateOf((await root.issue({ cn: 'c.example' })).cert.raw)
  const strangers = Array.from({ length: 1000 }, () => sessionAt(ADDRESS, stranger))
  const among = stage(...strangers, sessionAt(ADDRESS))
  t.equal(among.ask(), 'found')
  t.equal(among.seen.examined, 1, 'those without the name in their certificate cost a look-up')
  const alike = stage(...Array.from({ length: 1000 }, () => sessionAt(ADDRESS)))
  alike.seen.isUsable = false
  t.equal(alike.ask(), undefined)
  t.equal(alike.seen.examined, 16)
})
