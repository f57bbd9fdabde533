import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { IdleTimer } from '../../../core/base/idle-timer.js'

test('tells once, a period after the last move', async t => {
  const startedAt = performance.now()
  const told: number[] = []
  const timer = new IdleTimer(100, () => told.push(performance.now() - startedAt))
  timer.start()
  await sleep(60)
  timer.moved()
  await sleep(300)
  t.equal(told.length, 1)
  t.ok((told[0] ?? 0) >= 159)
})

test('is silent when it was stopped, and starts anew', async t => {
  let told = 0
  const timer = new IdleTimer(30, () => (told += 1))
  timer.start()
  timer.stop()
  await sleep(80)
  t.equal(told, 0)
  timer.start()
  await sleep(120)
  t.equal(told, 1)
})

test('who sets the clock of the machine moves nothing', async t => {
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  let told = 0
  const timer = new IdleTimer(40, () => (told += 1))
  timer.start()
  Date.now = () => now() - 3_600_000
  timer.moved()
  await sleep(200)
  t.equal(told, 1)
})
