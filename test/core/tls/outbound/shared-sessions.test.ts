/** Sessions of a fleet: what a process makes of what another one has put into their store. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { accept, reject } from '../../../../core/api/verdict.js'
import { RecentRevocations } from '../../../../core/tls/judge/recent-revocations.js'
import type { IsRevoked } from '../../../../core/tls/judge/revocation.js'
import { liveNatives } from '../../../../core/tls/openssl/owned.js'
import { SessionCache } from '../../../../core/tls/outbound/session-cache.js'
import { type Ask, fetchText, Handshaker, liveHandshakes } from '../../../kit/handshakes.js'
import { type NodeOrigin, nodeOrigin } from '../../../kit/node-origin.js'
import { makeAuthority } from '../../../kit/pki.js'
import { Shelf } from '../../../kit/shelf.js'

const HOST = 'foo.test'
const HOUR = 3_600_000
const root = await makeAuthority({ name: 'Root' })
const leaf = await root.issue({ cn: HOST })
const other = await root.issue({ cn: HOST, sans: [HOST, 'bar.test'] })
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

interface Member {
  /** Makes a handshake and a request. @returns whether the session was resumed */
  ask(signal?: AbortSignal): Promise<boolean>
  readonly asked: () => number
  readonly revoke: (isRevoked: IsRevoked) => void
  readonly stop: () => void
}

function member(shelf: Shelf, origin: NodeOrigin, fleet: string | undefined = 'fleet', answer?: Ask): Member {
  const recent = new RecentRevocations()
  const cache = new SessionCache(10, { store: shelf.store(), recent })
  let asked = 0
  const handshaker = new Handshaker(
    root.certPem,
    [
      (event, refuse) => {
        asked += 1
        if (answer === undefined) event.reenable(accept())
        else answer(event, refuse)
      },
    ],
    {
      context: { hasSessions: true },
      sessions: { cache, digest: `${Math.random()}`, isReverified: false, fleet },
    },
  )
  return {
    ask: async signal => {
      const it = await handshaker.start(origin.port, HOST, signal)
      await fetchText(it, `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`)
      return origin.handshakes.at(-1)?.isResumed === true
    },
    asked: () => asked,
    revoke: isRevoked => {
      recent.add(isRevoked)
      cache.revoke(isRevoked)
    },
    stop: () => {
      cache.close()
      handshaker.stop()
    },
  }
}

async function stage(t: Test, version: (typeof VERSIONS)[number]) {
  const { chainPem, keyPem } = leaf
  const origin = await nodeOrigin({ tls: { chainPem, keyPem, minVersion: version, maxVersion: version } })
  t.teardown(origin.stop)
  const shelf = new Shelf()
  const members: Member[] = []
  t.teardown(() => {
    for (const { stop } of members) stop()
    const left = JSON.stringify(liveNatives())
    if (liveHandshakes() + (liveNatives()['SSL_SESSION'] ?? 0) > 0) throw new Error(`left: ${left}`)
  })
  return {
    origin,
    shelf,
    member: (fleet?: string, answer?: Ask) => {
      const made = member(shelf, origin, fleet, answer)
      members.push(made)
      return made
    },
  }
}

/** The one item on the shelf. */
const itemOn = (shelf: Shelf): readonly [string, Record<string, unknown>] => {
  const [[id = '', { item = Buffer.alloc(0) } = {}] = []] = [...shelf.items]
  return [id, JSON.parse(item.toString())]
}

for (const version of VERSIONS) {
  test(`${version}: a session is resumed by another process, and judged there`, async t => {
    const { shelf, member } = await stage(t, version)
    const [one, two, three] = [member(), member(), member('another fleet')]
    t.equal(await one.ask(), false)
    t.equal(shelf.items.size, 1)
    t.equal(await three.ask(), false, 'not under another policy')
    shelf.items.delete([...shelf.items.keys()].find(id => id.endsWith('another fleet')) ?? '')
    t.equal(await two.ask(), true)
    t.equal(two.asked(), 1, 'its plugin is asked, whatever the record says about own sessions')
    t.equal(shelf.items.size, version === 'TLSv1.2' ? 1 : 0, 'one of TLS 1.3 is offered once')
  })

  test(`${version}: what is not as it was judged is not used, and nothing is lost by it`, async t => {
    const { shelf, member } = await stage(t, version)
    t.equal(await member().ask(), false)
    const [id, item] = itemOn(shelf)
    const cut = Buffer.from(String(item['session']), 'base64').subarray(0, 60).toString('base64')
    const changes: Readonly<Record<string, Record<string, unknown>>> = {
      'another result of the check': { judged: 'other' },
      'another chain': {
        sent: [other.cert.raw.toString('base64')],
      },
      'no chain': { sent: [] },
      'a chain that OpenSSL cannot read': { sent: ['AAAA'] },
      'another cipher': { cipher: 'other' },
      'no session': { session: '' },
      'a session that is cut': { session: cut },
      'no bytes of a session': { session: 'AAAA' },
      'another version': { protocol: version === 'TLSv1.2' ? 'TLSv1.3' : 'TLSv1.2' },
      'one that has ended': { endsAt: Date.now() - 1 },
      'one that is too old': { madeAt: Date.now() - HOUR, endsAt: Date.now() + HOUR },
      'one from the future': { madeAt: Date.now() + HOUR },
      'a time that is no number': { endsAt: 'tomorrow' },
      'a part that is missing': { judged: undefined },
      'a chain that is no list': { sent: String(item['sent']) },
      'a staple that is no text': { ocspResponse: 1 },
      'a list of timestamps that is no text': { sctList: {} },
      'a group that is no text': { group: ['x25519'] },
    }
    for (const [what, change] of Object.entries(changes)) {
      shelf.items.clear()
      shelf.items.set(id, { item: Buffer.from(JSON.stringify({ ...item, ...change })), life: HOUR })
      t.equal(await member().ask(), false, what)
    }
    shelf.items.set(id, { item: Buffer.from('x'), life: HOUR })
    t.equal(await member().ask(), false, 'no item at all')
    shelf.items.clear()
    shelf.items.set(id, { item: Buffer.from(JSON.stringify(item)), life: HOUR })
    t.equal(await member().ask(), true, 'the item itself is')
  })

  test(`${version}: a revocation beats it at any moment`, async t => {
    const { shelf, member } = await stage(t, version)
    const [one, two, three, four] = [member(), member(), member(), member()]
    const about: IsRevoked = host => host === HOST
    t.equal(await one.ask(), false)
    two.revoke(host => host === 'other.test')
    two.revoke(about)
    t.equal(await two.ask(), false, 'heard before')
    one.revoke(about)
    shelf.putBack()
    t.equal(await one.ask(), false, 'put back after it')
    shelf.putBack()
    shelf.onTake = () => three.revoke(about)
    t.equal(await three.ask(), false, 'while the store is asked')
    shelf.onTake = undefined
    shelf.putBack()
    four.revoke(host => host === 'other.test')
    t.equal(await four.ask(), true, 'one about another host does not')
  })
}

test('a session is not offered after a revocation while its chain is judged', async t => {
  const { shelf, member } = await stage(t, 'TLSv1.3')
  t.equal(await member().ask(), false)
  let revoke = (): void => {}
  const slow = member('fleet', ({ reenable }) => {
    revoke()
    reenable(accept())
  })
  revoke = () => slow.revoke(() => true)
  t.equal(shelf.items.size, 1)
  t.equal(await slow.ask(), false)
  t.equal(slow.asked(), 2, 'about the session, and about what the origin shows')
})

test('a chain that is rejected here takes the session along', async t => {
  const { shelf, member } = await stage(t, 'TLSv1.2')
  t.equal(await member().ask(), false)
  const strict = member('fleet', ({ reenable }) => reenable(reject('policy', 'not here')))
  await t.rejects(strict.ask(), { code: 'PTC_VERIFY_REJECTED' })
  t.equal(shelf.items.size, 0)
})

test('a client that leaves while the store is asked leaves nothing behind', async t => {
  const { shelf, member, origin } = await stage(t, 'TLSv1.3')
  t.equal(await member().ask(), false)
  const gone = new AbortController()
  shelf.onTake = async () => {
    gone.abort()
    await sleep(20)
  }
  await t.rejects(member().ask(gone.signal), { code: 'PTC_CLIENT_GONE' })
  await sleep(40)
  t.equal(origin.handshakes.length, 1)
  shelf.onTake = undefined
})

test('a store that fails is as one that has nothing', async t => {
  const { shelf, member } = await stage(t, 'TLSv1.3')
  shelf.onTake = () => {
    throw new Error('gone')
  }
  t.equal(await member().ask(), false)
})
