import { after, type OnFault } from './timer.js'

/** A wait that has been started. */
export type Wait = NodeJS.Timeout | number

/** What waits. The program has Node's timers; tests of plugins have a time of their own, which passes when told to. */
export interface Time {
  /** Milliseconds since the epoch, on this clock. */
  now(): number
  /** Calls `fn` in `ms` milliseconds. What it throws is for `onFault`. */
  after(ms: number, fn: () => void, onFault: OnFault): Wait
  /** Takes it back; nothing happens if it is over. */
  cancel(wait: Wait | undefined): void
}

export const NODE_TIME: Time = {
  now: () => Date.now(),
  after,
  cancel: wait => clearTimeout(wait),
}
