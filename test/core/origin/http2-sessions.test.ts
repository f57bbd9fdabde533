import { test } from 'tap'
import type { VConn } from '../../../core/api/vconn.js'
import type { Current } from '../../../core/base/current.js'
import { ConnectionOwner } from '../../../core/origin/connection-login.js'
import { Http2Session } from '../../../core/origin/http2-session.js'
import { Http2Sessions } from '../../../core/origin/http2-sessions.js'
import type { PoolLimits } from '../../../core/origin/pool.js'
import type { TlsOrigin } from '../../../core/tls/outbound/start-tls.js'
import { FakeLink } from '../../kit/fake-link.js'
import { HTTP2_LIMITS } from '../../kit/http2-client.js'

const OPTIONS = { ...HTTP2_LIMITS, maxHeadBytes: 16_384, hasPrivateLogins: true }

const LIMITS = { maxIdle: 10, maxIdlePerKey: 10, idleTimeout: 1000 }

const sessionsOf = (limits: Current<PoolLimits> = () => LIMITS) => new Http2Sessions(limits)

function sessionOn(link: FakeLink, keeper: Http2Sessions, owner?: ConnectionOwner): Http2Session {
  const channel = { link, peer: {}, vconn: {} as VConn, protocol: 'h2' } as unknown as TlsOrigin
  return new Http2Session(channel, () => OPTIONS, keeper, owner)
}

test('a connection that has ended before it is kept is not kept', async t => {
  const keeper = sessionsOf()
  const owner = new ConnectionOwner(() => {})
  const alive = sessionOn(new FakeLink(), keeper, owner)
  keeper.add('a', '', alive)
  t.equal(keeper.size, 1)
  owner.end()
  t.equal(keeper.size, 0)
  const late = sessionOn(new FakeLink(), keeper, owner)
  keeper.add('a', '', late)
  t.equal(keeper.size, 0, 'its client has left')
  t.equal(keeper.find('a', '', owner), undefined)
  const closed = sessionOn(new FakeLink(), keeper)
  closed.close()
  keeper.add('a', '', closed)
  t.equal(keeper.size, 0)
})

/** One that was used once by a client of this network. */
function usedOnce(
  keeper: Http2Sessions,
  key: string,
  network: string,
  owner?: ConnectionOwner,
): Http2Session {
  const session = sessionOn(new FakeLink(), keeper, owner)
  const place = session.exchange()
  keeper.add(key, network, session)
  place.close()
  return session
}

test('of too many idle ones the network with the most loses the one that has been idle longest', async t => {
  const keeper = sessionsOf(() => ({ ...LIMITS, maxIdle: 3 }))
  t.teardown(() => keeper.retire())
  const modest = usedOnce(keeper, 'modest', '192.0.2.1')
  const [first, second, third] = ['a', 'b', 'c'].map(key => usedOnce(keeper, key, '192.0.2.2'))
  t.equal(keeper.idle, 3)
  t.strictSame(
    [modest, first, second, third].map(session => session?.isOpen),
    [true, false, true, true],
  )
})

test('an idle one counts for the network that used it last', async t => {
  const keeper = sessionsOf(() => ({ ...LIMITS, maxIdle: 3 }))
  t.teardown(() => keeper.retire())
  const shared = usedOnce(keeper, 'shared', '192.0.2.2')
  const first = usedOnce(keeper, 'a', '192.0.2.2')
  t.equal(keeper.find('shared', '192.0.2.1', undefined), shared)
  shared.exchange().close()
  usedOnce(keeper, 'b', '192.0.2.2')
  usedOnce(keeper, 'c', '192.0.2.2')
  t.strictSame([keeper.idle, shared.isOpen, first.isOpen], [3, true, false])
})

test('what was accepted for one client takes no room from another client', async t => {
  const keeper = sessionsOf(() => ({ ...LIMITS, maxIdlePerKey: 1 }))
  t.teardown(() => keeper.retire())
  const owners = [1, 2, 3].map(() => new ConnectionOwner(() => {}))
  const sessions = owners.map((owner, i) => usedOnce(keeper, 'a', `192.0.2.${i}`, owner))
  sessions.push(usedOnce(keeper, 'a', '192.0.2.9'))
  keeper.applyLimits()
  t.ok(sessions.every(session => session.isOpen))
  t.equal(usedOnce(keeper, 'a', '192.0.2.1', owners[0]).isOpen, false, 'and one client has no more of them')
})

test('limits that a reload has changed hold for idle ones, and busy ones go on', async t => {
  let limits: PoolLimits = LIMITS
  const keeper = sessionsOf(() => limits)
  t.teardown(() => keeper.retire())
  const busy = sessionOn(new FakeLink(), keeper)
  busy.exchange()
  keeper.add('a', '192.0.2.1', busy)
  for (const key of ['a', 'a', 'a', 'b', 'c']) usedOnce(keeper, key, '192.0.2.1')
  limits = { ...LIMITS, maxIdlePerKey: 1 }
  keeper.applyLimits()
  t.strictSame([keeper.idle, keeper.size], [3, 4])
  limits = { ...LIMITS, maxIdle: 0 }
  keeper.applyLimits()
  t.strictSame([keeper.idle, keeper.size, busy.isOpen], [0, 1, true])
  busy.close()
})

/** Counts what would be called when it is over. */
class CountingOwner extends ConnectionOwner {
  listeners = 0

  override whenOver(listener: () => void): () => void {
    this.listeners += 1
    const forget = super.whenOver(listener)
    return () => {
      this.listeners -= 1
      forget()
    }
  }
}

test('a client that stays forgets the connections that have ended', async t => {
  const owner = new CountingOwner(() => {})
  const session = sessionOn(new FakeLink(), sessionsOf(), owner)
  t.equal(owner.listeners, 1)
  session.close()
  t.equal(owner.listeners, 0)
  let calls = 0
  owner.whenOver(() => (calls += 1))()
  owner.end()
  t.equal(calls, 0)
})

test('a new place on a connection that has served knows so, before anything was sent', async t => {
  const session = sessionOn(new FakeLink(), sessionsOf())
  t.equal(session.exchange().requests, 0)
  const stream = session.open({ ':path': '/' }, true)
  stream.on('error', () => {})
  t.equal(session.exchange().requests, 1)
  session.close()
})

test('a connection of one client is offered to no other name, nor one that takes no request', async t => {
  const ended: Http2Session[] = []
  const keeper = new Http2Sessions(
    () => LIMITS,
    session => ended.push(session),
  )
  t.teardown(() => keeper.retire())
  const shared = usedOnce(keeper, 'shared', '192.0.2.1')
  const owned = usedOnce(keeper, 'owned', '192.0.2.1', new ConnectionOwner(() => {}))
  const at = (address = '127.0.0.1', port = 2): Http2Session[] => [...keeper.shared([address], port)]
  t.strictSame([at(), at('127.0.0.1', 3), at('127.0.0.2')], [[shared], [], []])
  t.equal(keeper.take(owned, '192.0.2.2'), undefined)
  t.equal(keeper.take(shared, '192.0.2.2'), shared)
  t.equal(keeper.idle, 1, 'it is no longer among the idle ones')
  shared.retire()
  t.strictSame([at(), ended], [[], [shared]])
  t.equal(keeper.take(shared, '192.0.2.2'), undefined)
})
