import type { PeerEvidence } from '../../api/certificate.js'
import type { ProxyError } from '../../base/errors.js'
import type { VerifiedPeer } from '../judge/verdict.js'
import { evidenceDigest } from '../judge/verdict-cache.js'
import type { TlsOrigin } from './start-tls.js'

/**
 * What the plugins have accepted after the connection had ended. It holds on a new connection that shows the same: every
 * byte of the evidence that the plugins were shown. The rules and the plugins are the same anyway, because both
 * handshakes have the same settings.
 */
export class HeldVerdict {
  readonly peer: VerifiedPeer
  /** Milliseconds that plugins held the handshake. */
  readonly parked: number
  readonly #port: number
  readonly #revocations: number

  /** @param revocations how many there had been when the plugins were asked */
  constructor(peer: VerifiedPeer, port: number, revocations: number, parked: number) {
    this.peer = peer
    this.parked = parked
    this.#port = port
    this.#revocations = revocations
  }

  /**
   * The verdict, if it holds for what a new connection shows. After a revocation it never does: the acceptance may rest
   * on what was revoked.
   */
  for(evidence: PeerEvidence, revocations: number): VerifiedPeer | undefined {
    const { evidence: known, expiresAt = Infinity } = this.peer
    const isCurrent = revocations === this.#revocations && Date.now() < expiresAt
    const isSame = evidenceDigest(known, this.#port) === evidenceDigest(evidence, this.#port)
    return isCurrent && isSame ? this.peer : undefined
  }
}

/** How a handshake ends; one of them is called, once. */
export interface HandshakeEnds {
  readonly onOpen: (origin: TlsOrigin) => void
  readonly onFailed: (why: ProxyError) => void
  /** Makes a new connection for what was accepted without one. Absent: the end of a parked connection ends the wait. */
  readonly onRedial?: ((held: HeldVerdict) => void) | undefined
}
