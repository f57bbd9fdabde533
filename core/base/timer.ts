import { atEdge } from './edge.js'
import type { ProxyError } from './errors.js'

/** Node's timers fire at once beyond this number of milliseconds. */
export const LONGEST_TIMER = 2 ** 31 - 1

/** Ends what a timer belongs to: its connection, its question, its file. Nothing else is told. */
export type OnFault = (why: ProxyError) => void

/**
 * Calls `work` in `ms` milliseconds, at most 24 days. Nothing above a timer could catch what it throws: that is for
 * `onFault`. Core has no other timers (a rule in test/rules).
 */
export function after(ms: number, work: () => void, onFault: OnFault): NodeJS.Timeout {
  return setTimeout(() => atEdge('a timer', work, onFault), Math.min(ms, LONGEST_TIMER))
}

/** The same again and again, until `clearInterval`. */
export function every(ms: number, work: () => void, onFault: OnFault): NodeJS.Timeout {
  return setInterval(() => atEdge('a timer', work, onFault), ms)
}
