import type { Acceptance } from '../../origin/prober.js'

/** The origin at the other end of a tunnel, for the log. */
export interface TunnelOrigin {
  /** `address:port` */
  readonly address: string
  /** What it was accepted for; undefined if it was not verified. */
  readonly acceptance?: Acceptance
  /** Milliseconds that plugins held the handshake of this tunnel. */
  readonly parked?: number
}
