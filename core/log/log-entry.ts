import type { Summary } from '../http/transaction/summary.js'

/** One line of the access log, before it has a format. */
export interface LogEntry {
  readonly summary: Summary
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly user: string | undefined
  /** Bytes that the client was sent, head and framing included. */
  readonly sent: number
}
