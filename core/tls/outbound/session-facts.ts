import type { PeerEvidence } from '../../api/certificate.js'
import type { BuiltInCheck } from '../openssl/built-in-check.js'
import type { ParkedPeer } from '../openssl/outbound-engine.js'

/** Milliseconds since the epoch. */
export interface SessionAges {
  /** When the origin gave out this session. */
  readonly givenAt: number
  /** When it last showed its chain: sessions that stem from one another do not outlive the first. */
  readonly shownAt: number
}

/** What an origin has shown to another process. */
export type Shown = Omit<ParkedPeer, keyof BuiltInCheck> & {
  /** DER, leaf first. */
  readonly sent: readonly Buffer[]
}

/** Judges it here. */
export type CheckShown = (shown: Shown) => Promise<PeerEvidence>
