import { atEdge } from './edge.js'
import type { ProxyError } from './errors.js'

/** Node's timers fire at once beyond this number of milliseconds. */
export const LONGEST_TIMER = 2 ** 31 - 1

/** Ends the owner of a timer (a connection, a question, a file) with this error. Only the owner gets the error. */
export type OnFault = (why: ProxyError) => void

/**
 * Calls `work` in `ms` milliseconds, at most 24 days. `onFault` gets what `work` throws, because a timer has no caller that
 * could catch it. Core has no other timers (a rule in test/rules).
 */
export function after(ms: number, work: () => void, onFault: OnFault): NodeJS.Timeout {
  return setTimeout(() => atEdge('a timer', work, onFault), Math.min(ms, LONGEST_TIMER))
}

/** Calls `work` every `ms` milliseconds, until `clearInterval`. */
export function every(ms: number, work: () => void, onFault: OnFault): NodeJS.Timeout {
  return setInterval(() => atEdge('a timer', work, onFault), ms)
}

/** A wait that has been started. */
export type Wait = NodeJS.Timeout | number

/** A clock with timers. The program uses Node's; tests of plugins use a clock that they move. */
export interface Time {
  /** Milliseconds since the epoch, on this clock. */
  now(): number
  /** Calls `fn` in `ms` milliseconds. `onFault` gets what it throws. */
  after(ms: number, fn: () => void, onFault: OnFault): Wait
  /** Cancels a wait; does nothing if it is over. */
  cancel(wait: Wait | undefined): void
}

export const NODE_TIME: Time = {
  now: () => Date.now(),
  after,
  cancel: wait => clearTimeout(wait),
}
