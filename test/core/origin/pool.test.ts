import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { ConnectionOwner } from '../../../core/origin/connection-login.js'
import type { Http1 } from '../../../core/origin/http1.js'
import { Pool } from '../../../core/origin/pool.js'

const NETWORK = '10.0.0.1'

/** Stands for a connection; what its end sets off is for the test to say. */
function connection(
  onClose: () => void = () => {},
  owner?: ConnectionOwner,
): {
  readonly closes: () => number
  readonly http1: Http1
} {
  let closes = 0
  const http1 = {
    channel: {},
    isIdle: true,
    owner,
    onIdleLost: () => {},
    close: () => {
      closes += 1
      http1.isIdle = false
      onClose()
    },
  }
  return { closes: () => closes, http1: http1 as unknown as Http1 }
}

const noFault = (why: Error): void => {
  throw why
}

test('work set off by one closing connection does not disturb the close of all', async t => {
  const pool = new Pool(() => ({ maxIdle: 10, maxIdlePerKey: 10, idleTimeout: 60_000 }), noFault)
  let taken: Http1 | undefined
  const first = connection(() => {
    taken = pool.take('a', undefined)
    pool.clear((_key, kept) => kept === third.http1)
  })
  const second = connection()
  const third = connection()
  const other = connection()
  for (const { http1 } of [first, third, second]) pool.put('a', http1, NETWORK)
  pool.put('b', other.http1, NETWORK)
  pool.clear(key => key === 'b')
  t.equal(taken, second.http1, 'one is taken out by somebody')
  t.equal(second.closes(), 0, 'whose it is then')
  t.same([first.closes(), third.closes(), other.closes()], [1, 1, 1], 'each of the others is closed once')
  t.equal(pool.size, 0)
  t.equal(pool.take('a', undefined), undefined)
})

test('a connection that was closed after it was given back is not taken', async t => {
  const pool = new Pool(() => ({ maxIdle: 10, maxIdlePerKey: 10, idleTimeout: 60_000 }), noFault)
  const older = connection()
  const closed = connection()
  for (const { http1 } of [older, closed]) pool.put('a', http1, NETWORK)
  closed.http1.close()
  t.equal(pool.take('a', undefined), older.http1)
  t.equal(pool.size, 0)
})

test('a connection with an owner is given to its owner alone, and ends with it', async t => {
  const pool = new Pool(() => ({ maxIdle: 0, maxIdlePerKey: 0, idleTimeout: 60_000 }), noFault)
  const [alice, bob] = [new ConnectionOwner(() => {}), new ConnectionOwner(() => {})]
  const own = connection(() => {}, alice)
  pool.put('a', own.http1, NETWORK)
  t.equal(pool.size, 1, 'whatever the limits of those that any client may have')
  for (const client of [bob, undefined]) t.equal(pool.take('a', client), undefined)
  t.equal(pool.take('b', alice), undefined, 'not for another origin')
  t.equal(pool.take('a', alice), own.http1)
  pool.put('a', own.http1, NETWORK)
  alice.end()
  t.equal(own.closes(), 1)
  t.equal(pool.size, 0)
  const late = connection(() => {}, alice)
  pool.put('a', late.http1, NETWORK)
  t.equal(late.closes(), 1, 'nothing is kept for a client that has left')
})

test('a client has few connections with a login, and keeps the newest', async t => {
  const pool = new Pool(() => ({ maxIdle: 100, maxIdlePerKey: 10, idleTimeout: 60_000 }), noFault)
  const alice = new ConnectionOwner(() => {})
  const all = Array.from({ length: 10 }, () => connection(() => {}, alice))
  for (const [i, { http1 }] of all.entries()) pool.put(`${i}`, http1, NETWORK)
  t.same(
    all.map(({ closes }) => closes()),
    [1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
  )
  t.equal(pool.size, 8)
  pool.clear()
  t.equal(pool.size, 0)
})

test('limits that have become smaller hold for connections that are idle', async t => {
  const limits = { maxIdle: 100, maxIdlePerKey: 10, idleTimeout: 60_000 }
  const pool = new Pool(() => limits, noFault)
  const all = Array.from({ length: 6 }, () => connection())
  for (const [i, { http1 }] of all.entries()) pool.put(i < 4 ? 'a' : 'b', http1, NETWORK)
  limits.maxIdlePerKey = 3
  limits.maxIdle = 4
  pool.applyLimits()
  t.same(
    all.map(({ closes }) => closes()),
    [1, 1, 0, 0, 0, 0],
    'the oldest are closed',
  )
  limits.idleTimeout = 1
  pool.applyLimits()
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(pool.size, 0, 'the time that was to be 60 s is over')
})

test('a client network with many idle connections loses its own', async t => {
  const pool = new Pool(() => ({ maxIdle: 4, maxIdlePerKey: 10, idleTimeout: 60_000 }), noFault)
  const mine = connection()
  pool.put('mine', mine.http1, 'one')
  const others = Array.from({ length: 10 }, () => connection())
  for (const [i, { http1 }] of others.entries()) pool.put(`${i}`, http1, 'many')
  t.equal(mine.closes(), 0, 'the oldest of all, of a network that has one')
  t.same(
    others.map(({ closes }) => closes()),
    [1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
  )
  t.equal(pool.take('mine', undefined), mine.http1)
  for (const key of ['7', '8', '9']) pool.put(key, pool.take(key, undefined) ?? mine.http1, 'third')
  pool.put('mine', mine.http1, 'third')
  pool.put('more', connection().http1, 'many')
  t.equal(others[7]?.closes(), 1, 'a connection counts for the network that used it last')
})

test('the end of one idle connection that throws is not the end of the others', async t => {
  const faults: string[] = []
  const onFault = (why: Error): void => void faults.push(why.message)
  const oops = (): never => {
    throw new Error('oops')
  }
  const pool = new Pool(() => ({ maxIdle: 10, maxIdlePerKey: 10, idleTimeout: 30 }), onFault)
  const all = [connection(), connection(oops), connection(), connection(oops)]
  for (const { http1 } of all) pool.put('a', http1, NETWORK)
  await sleep(300)
  t.same(
    all.map(({ closes }) => closes()),
    [1, 1, 1, 1],
  )
  t.equal(pool.size, 0)
  t.same(faults, Array(2).fill('the end of an idle connection failed: oops'))
  const expired = { peer: { expiresAt: Date.now() + 20 } }
  const last = connection(oops)
  Object.assign(last.http1, { channel: expired })
  pool.put('b', last.http1, NETWORK)
  await sleep(300)
  t.equal(faults.length, 3, 'also where its verdict ends')
  pool.clear()
})
