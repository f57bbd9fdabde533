import type { PeerEvidence } from '../../api/certificate.js'
import type { Reject } from '../../api/verdict.js'
import type { HeldTurn, HeldTurns } from '../../wait/held-turns.js'

/** A handshake with an origin that waits for a plugin. `since` is the first plugin's turn. */
export interface ParkedHandshake extends HeldTurn {
  /** Of its VConn. */
  readonly id: number
  readonly port: number
  readonly evidence: PeerEvidence
  /** Its connection has ended; a new one is made when all plugins have accepted. */
  readonly isReleased: boolean
  /** Ends it in place of the plugin. There is no such way to accept. */
  readonly reject: (verdict: Reject) => void
}

/** Where parked handshakes are listed, among all that plugins hold. */
export type Held = HeldTurns<HeldTurn | ParkedHandshake>

export function isParkedHandshake(held: HeldTurn | ParkedHandshake): held is ParkedHandshake {
  return 'evidence' in held
}
