/** What other proxies tell of handshakes that wait there is bounded, whatever they tell. */
import { test } from 'tap'
import { Elsewhere } from '../../plugins/approval/elsewhere.js'
import type { Question } from '../../plugins/approval/question.js'
import { isWaitsTold, Waits } from '../../plugins/approval/waits.js'

const DAY = 86_400_000
const told = (from: string, key: string, waitsUntil: number, more: object = {}) => ({
  waits: {
    ...{ from, file: 'theirs', machine: 'web-b' },
    rows: [{ id: 'q1', key, waiting: 1, clients: ['192.0.2.1'], waitsUntil, ...more }],
  },
})

test('a machine whose clock is ahead, and that ends, pins no question without end', t => {
  const waits = new Waits('ours', () => {})
  const elsewhere = new Elsewhere()
  waits.take(told('b', 'k', Date.now() + 1e12), () => ({ elsewhere }) as Question)
  t.equal(elsewhere.list().length, 1)
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + DAY + 120_000
  t.strictSame(elsewhere.list(), [])
  t.end()
})

test('rows of all questions together are bounded, and the oldest ones go', t => {
  const waits = new Waits('ours', () => {})
  const all = Array.from({ length: 120 }, () => new Elsewhere())
  const until = Date.now() + 60_000
  for (const [i, elsewhere] of all.entries())
    for (let from = 0; from < 200; from++)
      waits.take(told(`${from}`, `k${i}`, until), () => ({ elsewhere }) as Question)
  const left = all.map(elsewhere => elsewhere.list()[0]?.waiting ?? 0)
  t.equal(
    left.reduce((sum, count) => sum + count),
    20_000,
  )
  t.strictSame([left[0], left[119]], [0, 200])
  waits.take(told('0', 'k119', until, { waiting: 0 }), () => ({ elsewhere: all[119] }) as Question)
  t.equal(all[119]?.list()[0]?.waiting, 199)
  t.end()
})

test('names are short', t => {
  t.ok(isWaitsTold(told('b', 'k', 0)))
  const long = 'x'.repeat(256)
  t.notOk(isWaitsTold(told(long, 'k', 0)))
  t.notOk(isWaitsTold(told('b', 'k', 0, { clients: [long] })))
  t.end()
})
