import type { Asking } from '../../api/asking.js'
import type { PeerEvidence } from '../../api/certificate.js'
import type { Reject } from '../../api/verdict.js'
import type { HeldTurn, HeldTurns } from '../../wait/held-turns.js'

/** A handshake with an origin that waits for a plugin. `since` is the first plugin's turn. */
export interface ParkedHandshake extends HeldTurn {
  /** The id of its VConn. */
  readonly id: number
  readonly port: number
  readonly evidence: PeerEvidence
  /** Its connection has ended; a new one is made when all plugins have accepted. */
  readonly isReleased: boolean
  /** Where its connection leads, or led. */
  readonly remoteAddress: string
  /** The client and the request for which it is asked. */
  readonly asking: Asking | undefined
  /** The plugins that have accepted it. */
  readonly accepted: readonly string[]
  /** Ends it in place of the plugin. */
  readonly reject: (verdict: Reject) => void
  /**
   * Ends the turn of the plugin as its acceptance would, for this handshake and its client alone: plugins behind it are still
   * asked, and what binds of the built-in check still binds.
   */
  readonly accept: () => void
  /** Gives the plugin more time, and the wait as a whole as much. @param ms later than it was */
  readonly extend: (ms: number) => void
}

/** Where parked handshakes are listed, among all that plugins hold. */
export type Held = HeldTurns<HeldTurn | ParkedHandshake>

export function isParkedHandshake(held: HeldTurn | ParkedHandshake): held is ParkedHandshake {
  return 'evidence' in held
}
