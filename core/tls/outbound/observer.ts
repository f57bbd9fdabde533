import type { Asking } from '../../api/asking.js'
import type { PeerEvidence } from '../../api/certificate.js'
import type { TurnObserver } from '../../wait/turn.js'
import type { VerifiedPeer, VerifyRejected } from '../judge/verdict.js'

/** For which client a handshake was judged, and how long plugins held it. */
export interface HandshakeAbout {
  readonly port: number
  /** The client's network, as {@link import('../../base/network.js').networkOf} has it; empty where there is none. */
  readonly network: string
  readonly asking: Asking | undefined
  /** The plugin that was asked last. */
  readonly plugin: string | undefined
  /** Milliseconds. */
  readonly held: number
}

/** Receives what is worth a log line or a counter, and decides nothing. */
export interface HandshakeObserver extends TurnObserver {
  parked(plugin: string, host: string): void
  /** A plugin was not asked, because it had allowed an earlier acceptance to be remembered. */
  remembered?(plugin: string, host: string): void
  /** Accepted; `tolerated` in it says what the built-in check found wrong and did not bind. */
  accepted(evidence: PeerEvidence, peer: VerifiedPeer, remoteAddress: string, about: HandshakeAbout): void
  /** A session was resumed that rests on an earlier acceptance, or on one of its stored chain. */
  resumed?(peer: VerifiedPeer, remoteAddress: string, about: HandshakeAbout): void
  rejected(why: VerifyRejected, remoteAddress: string, about: HandshakeAbout): void
  /** The connection of a parked handshake has ended, and its plugins are still asked. */
  released?(host: string, remoteAddress: string): void
  /** A new connection is made for an origin that was accepted without one. */
  redialled?(host: string, remoteAddress: string): void
  /** A plugin was silent until its own time was over, and the built-in check decided in its place. */
  late?(plugin: string, host: string, builtIn: PeerEvidence['builtIn']['name']): void
}

const nothing = (): void => undefined

/** An observer that does nothing. */
export const QUIET: HandshakeObserver = Object.freeze({
  parked: nothing,
  accepted: nothing,
  rejected: nothing,
  ignoredReenable: nothing,
  pluginFailed: nothing,
})
