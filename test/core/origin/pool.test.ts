import { test } from 'tap'
import type { Http1 } from '../../../core/origin/http1.js'
import { Pool } from '../../../core/origin/pool.js'

/** Stands for a connection; what its end sets off is for the test to say. */
function connection(onClose: () => void = () => {}): {
  readonly closes: () => number
  readonly http1: Http1
} {
  let closes = 0
  const http1 = {
    channel: {},
    isIdle: true,
    keep: () => {},
    close: () => {
      closes += 1
      http1.isIdle = false
      onClose()
    },
  }
  return { closes: () => closes, http1: http1 as unknown as Http1 }
}

test('what the end of one connection sets off while all are closed', async t => {
  const pool = new Pool({ maxIdle: 10, maxIdlePerKey: 10, idleTimeout: 60_000 })
  let taken: Http1 | undefined
  const first = connection(() => {
    taken = pool.take('a')
    pool.clear((_key, kept) => kept === third.http1)
  })
  const second = connection()
  const third = connection()
  const other = connection()
  for (const { http1 } of [first, third, second]) pool.put('a', http1)
  pool.put('b', other.http1)
  pool.clear(key => key === 'b')
  t.equal(taken, second.http1, 'one is taken out by somebody')
  t.equal(second.closes(), 0, 'whose it is then')
  t.same([first.closes(), third.closes(), other.closes()], [1, 1, 1], 'each of the others is closed once')
  t.equal(pool.size, 0)
  t.equal(pool.take('a'), undefined)
})

test('a connection that was closed after it was given back is not taken', async t => {
  const pool = new Pool({ maxIdle: 10, maxIdlePerKey: 10, idleTimeout: 60_000 })
  const older = connection()
  const closed = connection()
  for (const { http1 } of [older, closed]) pool.put('a', http1)
  closed.http1.close()
  t.equal(pool.take('a'), older.http1)
  t.equal(pool.size, 0)
})
