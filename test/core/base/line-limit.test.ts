import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { LineLimit } from '../../../core/base/line-limit.js'
import { poll } from '../../kit/watch.js'

test('so many lines of a second pass, and the others are counted', async t => {
  const told: number[] = []
  const limit = new LineLimit(3, omitted => told.push(omitted))
  const passed = Array.from({ length: 10 }, () => limit.passes())
  t.strictSame(passed, [true, true, true, ...Array<boolean>(7).fill(false)])
  t.strictSame(told, [])
  await poll(() => told[0], 'the end of the second')
  t.strictSame(told, [7])
  t.ok(limit.passes(), 'in the next second lines pass again')
  await sleep(1100)
  t.strictSame(told, [7], 'where all have passed nothing is told')
})
