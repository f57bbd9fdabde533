import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'tap'
import { InFlight } from '../../../core/program/in-flight.js'

test('a part counts in its whole, and its end is counted once', async t => {
  const whole = new InFlight()
  const part = new InFlight(whole)
  const leave = part.enter()
  const leaveWhole = whole.enter()
  t.same([whole.count, part.count], [2, 1])
  leave()
  leave()
  t.same([whole.count, part.count], [1, 0])
  leaveWhole()
  t.equal(whole.count, 0)
})

test('the end of a wait for zero is told in a later turn, and only while the count is zero', async t => {
  const inFlight = new InFlight()
  const leave = inFlight.enter()
  let isEmpty = false
  const empty = inFlight.empty().then(() => {
    isEmpty = true
  })
  leave()
  const leaveSecond = inFlight.enter()
  await nextTurn()
  await nextTurn()
  t.equal(isEmpty, false, 'something has begun in the turn of the end')
  leaveSecond()
  await Promise.resolve()
  t.equal(isEmpty, false, 'what has just ended has not returned yet')
  await empty
  t.equal(inFlight.count, 0)
  await inFlight.empty()
})
