import { mock } from 'node:test'
import type { Test } from 'tap'

/**
 * Moves `Date` of this process ahead, where it stands still until the test ends. Timers and `performance` go on: no test has
 * to wait for something to expire, or to be quick before it does.
 */
export function moveDate(t: Test, milliseconds: number): void {
  mock.timers.enable({ apis: ['Date'], now: Date.now() + milliseconds })
  t.teardown(() => mock.timers.reset())
}

/** What a function returns whose `Date` has another time, which goes on. */
export function atDate<T>(time: number, call: () => T): T {
  const now = Date.now
  const ahead = time - now()
  Date.now = () => now() + ahead
  try {
    return call()
  } finally {
    Date.now = now
  }
}
