import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { Deadline } from '../../../core/base/deadline.js'

const noFault = (why: Error): void => {
  throw why
}

function clockOf() {
  const rang: number[] = []
  const startedAt = performance.now()
  const clock = new Deadline({
    onFault: noFault,
    onTime: () => rang.push(performance.now() - startedAt),
  })
  return { clock, rang }
}

test('a deadline fires once and not early', async t => {
  const { clock, rang } = clockOf()
  clock.set(50)
  await sleep(150)
  t.equal(rang.length, 1)
  t.ok((rang[0] ?? 0) >= 49)
})

test('a deadline that is moved later, or sooner', async t => {
  const later = clockOf()
  later.clock.set(40)
  later.clock.set(120)
  const sooner = clockOf()
  sooner.clock.set(60_000)
  sooner.clock.set(40)
  await sleep(80)
  t.equal(later.rang.length, 0)
  t.equal(sooner.rang.length, 1)
  await sleep(150)
  t.equal(later.rang.length, 1)
  t.ok((later.rang[0] ?? 0) >= 119)
})

test('a deadline can be set after none was', async t => {
  const { clock, rang } = clockOf()
  clock.set(30)
  clock.set(0)
  await sleep(80)
  t.equal(rang.length, 0)
  clock.set(Infinity)
  clock.set(30)
  await sleep(100)
  t.equal(rang.length, 1, 'is set again')
})

test('a stopped deadline does not fire', async t => {
  const { clock, rang } = clockOf()
  clock.set(30)
  clock.stop()
  await sleep(80)
  t.equal(rang.length, 0)
})

test('a deadline in months does not ring at once', async t => {
  const { clock, rang } = clockOf()
  clock.set(2 ** 40)
  await sleep(30)
  t.equal(rang.length, 0)
  clock.stop()
})

test("setting the machine's clock moves no deadline", async t => {
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  const { clock, rang } = clockOf()
  clock.set(30)
  clock.set(60)
  Date.now = () => now() - 3_600_000
  await sleep(150)
  t.equal(rang.length, 1)
})

test('a change of the system time moves no deadline', async t => {
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  const { clock, rang } = clockOf()
  clock.set(40)
  Date.now = () => now() - 3_600_000
  clock.set(40)
  await sleep(200)
  t.equal(rang.length, 1)
})

test('a deadline reports its remaining time and its end', async t => {
  const { clock } = clockOf()
  t.equal(clock.left, Infinity, 'without a deadline there is no end')
  clock.set(60_000)
  t.ok(clock.left > 50_000 && clock.left <= 60_000)
  t.ok(Math.abs(clock.endsAt - Date.now() - clock.left) < 1000)
  const { endsAt } = clock
  for (const begin = performance.now(); performance.now() - begin < 20; )
    if (clock.endsAt !== endsAt) t.fail('the end is told differently')
  const { now } = Date
  Date.now = () => now() + 3_600_000
  t.ok(clock.endsAt - endsAt > 3_599_000, 'a change of the system time is told')
  Date.now = now
  clock.set(60_500)
  t.ok(clock.endsAt > endsAt + 400, 'a new end is told')
  clock.stop()
  t.equal(clock.left, Infinity)
})
