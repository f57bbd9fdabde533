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
