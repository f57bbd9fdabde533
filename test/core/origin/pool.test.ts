import { test } from 'tap'
import type { Http1 } from '../../../core/origin/http1.js'
import { Pool } from '../../../core/origin/pool.js'

/** Stands for a connection; what its end sets off is for the test to say. */
function connection(onClose: () => void = () => {}): {
  readonly closes: () => number
  readonly http1: Http1
} {
  let closes = 0
  const close = (): void => {
    closes += 1
    onClose()
  }
  const http1 = { channel: {}, keep: () => {}, close } as unknown as Http1
  return { closes: () => closes, http1 }
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
