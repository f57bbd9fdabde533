import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { Timers } from '../../../core/wait/timers.js'

const unexpected = (cause: unknown): never => {
  throw cause
}

test('timers', async t => {
  t.test('call what was scheduled, once, in order of time', async t => {
    const called: number[] = []
    const timers = new Timers(unexpected)
    timers.after(20, () => called.push(20))
    timers.after(1, () => called.push(1))
    t.equal(timers.size, 2)
    await sleep(40)
    t.strictSame(called, [1, 20])
    t.equal(timers.size, 0)
  })

  t.test('end with their owner, for good', async t => {
    const timers = new Timers(unexpected)
    let called = 0
    timers.after(1, () => called++)
    timers.clear()
    timers.after(1, () => called++)
    t.equal(timers.size, 0)
    await sleep(10)
    t.equal(called, 0)
  })

  t.test('end when the signal aborts, or has aborted', async t => {
    const owner = new AbortController()
    const timers = new Timers(unexpected, owner.signal)
    let called = 0
    timers.after(1, () => called++)
    owner.abort()
    t.equal(timers.size, 0)
    new Timers(unexpected, owner.signal).after(1, () => called++)
    await sleep(10)
    t.equal(called, 0)
  })

  t.test('report what a scheduled function throws, now or later', async t => {
    const errors: unknown[] = []
    const timers = new Timers(cause => errors.push(cause))
    timers.after(0, () => {
      throw 'now'
    })
    timers.after(0, () => Promise.reject('later'))
    await sleep(10)
    t.strictSame(errors, ['now', 'later'])
  })

  t.test('do not fire at once what is due in more than 2^31-1 ms', async t => {
    const timers = new Timers(unexpected)
    let called = 0
    for (const ms of [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY]) timers.after(ms, () => called++)
    await sleep(10)
    t.equal(called, 0)
    t.equal(timers.size, 3)
    timers.clear()
  })

  t.test('go on waiting after the longest wait Node knows, and stay cancellable', async t => {
    const LONGEST = 2 ** 31 - 1
    const waits: number[] = []
    const expire: (() => void)[] = []
    const { setTimeout } = globalThis
    t.teardown(() => Object.assign(globalThis, { setTimeout }))
    Object.assign(globalThis, {
      setTimeout: (fn: () => void, ms: number) => {
        waits.push(ms)
        expire.push(fn)
        return waits.length
      },
    })
    const timers = new Timers(unexpected)
    let called = 0
    timers.after(2 * LONGEST + 5, () => called++)
    expire[0]?.()
    t.equal(called, 0)
    expire[1]?.()
    t.equal(timers.size, 1)
    expire[2]?.()
    t.strictSame(waits, [LONGEST, LONGEST, 5])
    t.equal(called, 1)
  })

  t.test('refuse a wait that is no number: misread as zero it would answer at once', async t => {
    const timers = new Timers(unexpected)
    t.throws(() => timers.after(Number.NaN, () => {}), { code: 'PTC_PLUGIN_CALL' })
    t.throws(() => timers.after('3000' as unknown as number, () => {}), { code: 'PTC_PLUGIN_CALL' })
    t.throws(() => timers.after(1, undefined as unknown as () => void), { code: 'PTC_PLUGIN_CALL' })
    t.equal(timers.size, 0)
  })
})
