import type { PeerEvidence } from '../../api/certificate.js'
import type { ProxyError } from '../../base/errors.js'
import type { VerifiedPeer } from '../judge/verdict.js'
import { evidenceDigest } from '../judge/verdict-cache.js'
import type { Accepted, TlsOrigin } from './start-tls.js'

/** An acceptance that holds on another connection than the one it was made for. */
export interface StillHeld {
  readonly peer: VerifiedPeer
  /** The evidence that it is about, of the new connection. */
  readonly evidence: PeerEvidence
}

/** The built-in check of the same chain with these certificates, DER, beside it. */
export type CheckAgain = (evidence: PeerEvidence, more: readonly Buffer[]) => PeerEvidence

/**
 * What the plugins have accepted after the connection had ended. It holds on a new connection that shows the same: every
 * byte of the evidence that the plugins were shown. Where a plugin has completed the chain, the second check is made again,
 * and its result must be the same as well. The rules and the plugins are the same anyway, because both handshakes have the
 * same settings.
 */
export class HeldVerdict {
  readonly peer: VerifiedPeer
  /** Milliseconds that plugins held the handshake. */
  readonly parked: number
  readonly #port: number
  readonly #revocations: number | undefined

  /** @param revocations how many there had been when the plugins were asked; undefined: it is void, and holds nowhere */
  constructor(peer: VerifiedPeer, port: number, revocations: number | undefined, parked: number) {
    this.peer = peer
    this.parked = parked
    this.#port = port
    this.#revocations = revocations
  }

  /** Whether it says only that a session was void: no wait has outlived its connection. */
  get isVoid(): boolean {
    return this.#revocations === undefined
  }

  /**
   * The verdict, if it holds for what a new connection shows. After a revocation it never does: the acceptance may rest
   * on what was revoked.
   */
  for(shown: PeerEvidence, revocations: number, checkAgain: CheckAgain): StillHeld | undefined {
    const { peer } = this
    const { expiresAt = Infinity } = peer
    const isCurrent = revocations === this.#revocations && Date.now() < expiresAt
    if (!isCurrent || !this.#isSame(peer.shown, shown)) return undefined
    if (peer.evidence === peer.shown) return { peer, evidence: shown }
    const sent = new Set(shown.chain.map(({ sha256 }) => sha256))
    const added = peer.evidence.builtChain.filter(({ sha256 }) => !sent.has(sha256))
    const completed = checkAgain(
      shown,
      added.map(({ der }) => der),
    )
    return this.#isSame(peer.evidence, completed) ? { peer, evidence: completed } : undefined
  }

  #isSame(known: PeerEvidence, other: PeerEvidence): boolean {
    return evidenceDigest(known, this.#port) === evidenceDigest(other, this.#port)
  }
}

/** What holds for the connection of a handshake. */
export interface HandshakeBegin {
  /** The verdict about an earlier connection. */
  readonly held?: HeldVerdict | undefined
  /** Milliseconds; default: of the settings. */
  readonly originTimeout?: number
  /** Whose connection it leads through: a parent that is reached by https. */
  readonly parent?: Accepted | undefined
}

/** How a handshake ends; one of them is called, once. */
export interface HandshakeEnds {
  readonly onOpen: (origin: TlsOrigin) => void
  readonly onFailed: (why: ProxyError) => void
  /** Makes a new connection: for what was accepted without one, or in place of a session that is void. Absent: there is none. */
  readonly onRedial?: ((held: HeldVerdict) => void) | undefined
  /** Whether a wait outlives its connection; default: no. */
  readonly mayRelease?: boolean
}
