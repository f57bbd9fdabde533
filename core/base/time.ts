/** A wait that has been started. */
export type Wait = NodeJS.Timeout | number

/** What waits. The program has Node's timers; tests of plugins have a time of their own, which passes when told to. */
export interface Time {
  /** Milliseconds since the epoch, on this clock. */
  now(): number
  /** Calls `fn` in `ms` milliseconds. */
  after(ms: number, fn: () => void): Wait
  /** Takes it back; nothing happens if it is over. */
  cancel(wait: Wait | undefined): void
}

export const NODE_TIME: Time = {
  now: () => Date.now(),
  after: (ms, fn) => setTimeout(fn, ms),
  cancel: wait => clearTimeout(wait),
}
