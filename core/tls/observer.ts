import type { PeerEvidence } from '../api/certificate.js'
import type { Reject } from '../api/verdict.js'
import type { VerifiedPeer, VerifyRejected } from './verdict.js'

/** What would have become of a handshake if a plugin in shadow mode had a say. */
export type ShadowOutcome =
  | { readonly would: 'accept' }
  | {
      readonly would: 'reject'
      readonly by: 'plugin' | 'plugin-failed' | 'deadline'
      readonly verdict?: Reject
    }

/** Hears what is worth a log line or a counter. It decides nothing. */
export interface HandshakeObserver {
  parked(plugin: string, host: string): void
  /** A plugin was not asked, because it had allowed an earlier acceptance to be remembered. */
  remembered?(plugin: string, host: string): void
  /** Accepted; `tolerated` in it says what the built-in check found wrong and did not bind. */
  accepted(evidence: PeerEvidence, peer: VerifiedPeer, remoteAddress: string): void
  /** A session was resumed that rests on an earlier acceptance, or on one of its stored chain. */
  resumed?(peer: VerifiedPeer, remoteAddress: string): void
  rejected(why: VerifyRejected, remoteAddress: string): void
  /** A plugin answered twice, or too late; its answer reached nothing. */
  ignoredReenable(plugin: string, host: string, why: 'second' | 'late'): void
  pluginFailed(plugin: string, host: string, cause: unknown): void
  /** A plugin in shadow mode has had its turn. */
  shadowed?(plugin: string, host: string, outcome: ShadowOutcome): void
  /** A plugin was silent until its own time was over, and the built-in check decided in its place. */
  late?(plugin: string, host: string, builtIn: PeerEvidence['builtIn']['name']): void
}
