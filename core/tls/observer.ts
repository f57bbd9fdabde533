import type { PeerEvidence } from '../api/certificate.js'
import type { VerifiedPeer, VerifyRejected } from './verdict.js'

/** Hears what is worth a log line or a counter. It decides nothing. */
export interface HandshakeObserver {
  parked(plugin: string, host: string): void
  /** Accepted; `tolerated` in it says what the built-in check found wrong and did not bind. */
  accepted(evidence: PeerEvidence, peer: VerifiedPeer, remoteAddress: string): void
  /** A session was resumed that rests on an earlier acceptance, or on one of its stored chain. */
  resumed?(peer: VerifiedPeer, remoteAddress: string): void
  rejected(why: VerifyRejected, remoteAddress: string): void
  /** A plugin answered twice, or too late; its answer reached nothing. */
  ignoredReenable(plugin: string, host: string, why: 'second' | 'late'): void
  pluginFailed(plugin: string, host: string, cause: unknown): void
}
