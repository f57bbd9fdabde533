import type { PeerEvidence } from '../../api/certificate.js'
import type { TurnObserver } from '../../wait/turn.js'
import type { VerifiedPeer, VerifyRejected } from '../judge/verdict.js'

/** Is told what is worth a log line or a counter. It decides nothing. */
export interface HandshakeObserver extends TurnObserver {
  parked(plugin: string, host: string): void
  /** A plugin was not asked, because it had allowed an earlier acceptance to be remembered. */
  remembered?(plugin: string, host: string): void
  /** Accepted; `tolerated` in it says what the built-in check found wrong and did not bind. */
  accepted(evidence: PeerEvidence, peer: VerifiedPeer, remoteAddress: string): void
  /** A session was resumed that rests on an earlier acceptance, or on one of its stored chain. */
  resumed?(peer: VerifiedPeer, remoteAddress: string): void
  rejected(why: VerifyRejected, remoteAddress: string): void
  /** The connection of a parked handshake has ended, and its plugins are still asked. */
  released?(host: string, remoteAddress: string): void
  /** A new connection is made for an origin that was accepted without one. */
  redialled?(host: string, remoteAddress: string): void
  /** A plugin was silent until its own time was over, and the built-in check decided in its place. */
  late?(plugin: string, host: string, builtIn: PeerEvidence['builtIn']['name']): void
}
