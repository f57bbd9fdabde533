import type { PeerEvidence } from '../api/certificate.js'
import type { VerifyRejected } from './verdict.js'

/** Hears what is worth a log line or a counter. It decides nothing. */
export interface HandshakeObserver {
  parked(plugin: string, host: string): void
  /** Accepted; a failed built-in check in the evidence was overruled or only advised. */
  accepted(evidence: PeerEvidence): void
  rejected(why: VerifyRejected, remoteAddress: string): void
  /** A plugin answered twice, or too late; its answer reached nothing. */
  ignoredReenable(plugin: string, host: string, why: 'second' | 'late'): void
  pluginFailed(plugin: string, host: string, cause: unknown): void
}
