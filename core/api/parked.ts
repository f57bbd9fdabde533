import type { VConn } from './vconn.js'
import type { Verdict } from './verdict.js'

/**
 * The right to end a wait, and what belongs to it: part of every event of a hook that parks. Nothing goes on until
 * `reenable`, whatever the continuation returns.
 */
export interface Parked {
  /** The connection that the hook is about. */
  readonly vconn: VConn
  /**
   * Aborts when the turn ends without an answer: the client has left, or the origin for good, a deadline has passed, or the
   * plugin has failed.
   */
  readonly signal: AbortSignal
  /** When silence becomes a refusal; milliseconds since the epoch. */
  readonly deadline: number
  /** Ends this plugin's turn. Without an argument it accepts. Counts once; whatever comes later answers `ignored`. */
  readonly reenable: (verdict?: Verdict) => 'counted' | 'ignored'
  /**
   * Calls `continuation` in `ms` milliseconds, unless the answer is no longer wanted by then (TSContSchedule). What it
   * throws counts as a rejection.
   */
  readonly schedule: (continuation: () => unknown, ms: number) => void
}
