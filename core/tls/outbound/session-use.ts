import type { VerifiedPeer } from '../judge/verdict.js'
import type { OutboundEngine } from '../openssl/outbound-engine.js'
import type { OutboundSession } from '../openssl/outbound-session.js'
import type { SessionAges, SessionCache, StoredSession } from './session-cache.js'
import type { TlsTarget } from './start-tls.js'

/** How sessions are kept for a policy. */
export interface SessionSettings {
  readonly cache: SessionCache
  /** The digest of everything that shapes the verdict. */
  readonly digest: string
  /** Whether a stored chain is judged again before its session is offered. */
  readonly isReverified: boolean
}

/**
 * What one handshake has to do with sessions.
 *
 * Life: fresh -> holding a session -> done. The session that was taken out of the cache is freed at the end, unless it
 * goes back.
 */
export class SessionUse {
  readonly #settings: SessionSettings | undefined
  readonly #key: string
  readonly #network: string
  readonly #revocations: number
  #stored: StoredSession | undefined

  constructor(settings: SessionSettings | undefined, { host, port, announce, client }: TlsTarget) {
    this.#settings = settings
    this.#network = client
    this.#revocations = settings?.cache.revocations ?? 0
    const as = announce === undefined ? '' : ` as ${JSON.stringify(announce)}`
    this.#key = `${host}:${port}${as} ${settings?.digest ?? ''}`
  }

  /** The acceptance that a stored session rests on, and whether it has to be judged again. */
  take(): { readonly peer: VerifiedPeer; readonly isReverified: boolean } | undefined {
    if (this.#settings === undefined) return undefined
    this.#stored = this.#settings.cache.take(this.#key, this.#network)
    return this.#stored && { peer: this.#stored.peer, isReverified: this.#settings.isReverified }
  }

  /**
   * After a revocation it is not offered: the origin then shows its certificate, and is judged by that.
   * @param accepted what was decided about the session's chain for this handshake
   */
  offer(engine: OutboundEngine, accepted: VerifiedPeer): void {
    if (this.#stored !== undefined && this.#isCurrent()) engine.offer(this.#stored.session, accepted)
  }

  /**
   * The handshake is done: its sessions are kept, unless another client must not have them. One of TLS 1.2 may be used again; one of TLS 1.3 is replaced by those
   * that the origin gives out now.
   * @returns whether a session was resumed
   */
  keep(engine: OutboundEngine, peer: VerifiedPeer): boolean {
    const { isResumed } = engine
    const used = this.#stored
    this.#stored = undefined
    const settings = this.#settings
    if (settings === undefined || peer.isForClient) {
      used?.session.free()
      return isResumed
    }
    if (used !== undefined && isResumed && peer.evidence.protocol === 'TLSv1.2')
      this.#put(settings, used.session, peer, used.ages)
    else used?.session.free()
    const shownAt = used !== undefined && isResumed ? used.ages.shownAt : Date.now()
    engine.onSession(session => this.#put(settings, session, peer, { givenAt: Date.now(), shownAt }))
    return isResumed
  }

  /** An origin may give out sessions as long as the connection stands, and so after a revocation. */
  #put({ cache }: SessionSettings, session: OutboundSession, peer: VerifiedPeer, ages: SessionAges): void {
    if (this.#isCurrent()) cache.put(this.#key, this.#network, session, peer, ages)
    else session.free()
  }

  #isCurrent(): boolean {
    return this.#settings?.cache.revocations === this.#revocations
  }

  /** The handshake failed, and its session goes; with a rejection every other of that origin. Safe to call twice. */
  drop(isRejected: boolean): void {
    this.#stored?.session.free()
    this.#stored = undefined
    if (isRejected) this.#settings?.cache.forget(this.#key)
  }
}
