import { lookedUp } from '../../base/lookups.js'
import type { VerifiedPeer } from '../judge/verdict.js'
import type { OutboundEngine } from '../openssl/outbound-engine.js'
import type { OutboundSession } from '../openssl/outbound-session.js'
import type { HandshakeEvent } from './machine.js'
import { endOf, type SessionCache } from './session-cache.js'
import type { CheckShown, SessionAges } from './session-facts.js'
import type { SharedSessions } from './shared-sessions.js'
import type { TlsTarget } from './start-tls.js'

/** How sessions are kept for a policy. */
export interface SessionSettings {
  readonly cache: SessionCache
  /** The digest of everything that shapes the verdict. */
  readonly digest: string
  /** Whether a stored chain is judged again before its session is offered. */
  readonly isReverified: boolean
  /** The digest in all processes of a fleet; undefined where none of these sessions is shared. */
  readonly fleet?: string | undefined
}

/** What is at hand before a handshake. */
type Look = Extract<HandshakeEvent, { type: 'session' | 'shared-session' | 'no-session' }>

const NONE: Look = { type: 'no-session' }

/**
 * What one handshake has to do with sessions.
 *
 * Life: fresh -> looking -> holding a session, or none -> done. The session that was taken out of the cache, or of the store of a
 * fleet, is freed at the end, unless it goes back.
 */
export class SessionUse {
  readonly #settings: SessionSettings | undefined
  readonly #port: number
  readonly #key: string
  /** In the store of the fleet; undefined where nothing is shared. */
  readonly #fleetKey: string | undefined
  readonly #check: CheckShown
  readonly #network: string
  readonly #revocations: number
  readonly #beganAt = Date.now()
  #stored: { readonly session: OutboundSession; readonly ages: SessionAges } | undefined
  #isLooking = false
  #isDropped = false

  /**
   * @param offered by ALPN on this connection; undefined: what the policy says
   * @param check judges what another process was shown
   */
  constructor(
    settings: SessionSettings | undefined,
    { host, port, announce, client }: TlsTarget,
    offered: readonly string[] | undefined,
    check: CheckShown,
  ) {
    this.#settings = settings
    this.#port = port
    this.#network = client
    this.#check = check
    this.#revocations = settings?.cache.revocations ?? 0
    const as = announce === undefined ? '' : ` as ${JSON.stringify(announce)}`
    // From another offer the origin may choose another protocol than the one that was judged.
    const by = offered === undefined ? '' : ` by ${JSON.stringify(offered)}`
    const about = `${host}:${port}${as}${by}`
    this.#key = `${about} ${settings?.digest ?? ''}`
    this.#fleetKey = settings?.fleet && `${about} ${settings.fleet}`
  }

  /** While it looks for a session no ClientHello may be sent. */
  get isLooking(): boolean {
    return this.#isLooking
  }

  /** @param onFound is called once: at once, or when the store of the fleet has answered */
  look(onFound: (found: Look) => void): void {
    const settings = this.#settings
    if (settings === undefined) return onFound(NONE)
    const stored = settings.cache.take(this.#key, this.#network)
    if (stored !== undefined) {
      this.#stored = stored
      return onFound({ type: 'session', peer: stored.peer, isReverified: settings.isReverified })
    }
    const { shared } = settings.cache
    if (this.#fleetKey === undefined || shared?.isReady !== true) return onFound(NONE)
    this.#isLooking = true
    const end = (found: Look): void => {
      this.#isLooking = false
      onFound(found)
    }
    this.#lookInFleet(shared, this.#fleetKey).then(end, () => end(NONE))
  }

  async #lookInFleet(shared: SharedSessions, key: string): Promise<Look> {
    const found = lookedUp('fleet_sessions', await shared.take(key, this.#network))
    if (found === undefined) return NONE
    const { session, shown, ages } = found
    try {
      const evidence = this.#isDropped ? undefined : await this.#check(shown)
      if (evidence !== undefined && !this.#isDropped && found.holds(evidence, this.#port)) {
        this.#stored = { session, ages }
        return { type: 'shared-session', evidence }
      }
    } catch {
      // OpenSSL cannot read its chain, or there was no slot: the origin shows its own.
    }
    session.free()
    return NONE
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
    engine.onSession(session => {
      const ages = { givenAt: Date.now(), shownAt }
      if (!this.#share(settings, session, peer, ages)) this.#put(settings, session, peer, ages)
    })
    return isResumed
  }

  /** An origin may give out sessions as long as the connection stands, and so after a revocation. */
  #put({ cache }: SessionSettings, session: OutboundSession, peer: VerifiedPeer, ages: SessionAges): void {
    if (this.#isCurrent()) cache.put(this.#key, this.#network, session, peer, ages)
    else session.free()
  }

  /**
   * The fleet has a copy of each session of TLS 1.2. Of TLS 1.3 it has those that are left over when this process has one.
   * @returns whether the session is no longer to be kept here
   */
  #share(
    { cache }: SessionSettings,
    session: OutboundSession,
    peer: VerifiedPeer,
    ages: SessionAges,
  ): boolean {
    const isTls13 = peer.evidence.protocol !== 'TLSv1.2'
    if (this.#fleetKey === undefined || !this.#isCurrent() || (isTls13 && !cache.has(this.#key))) return false
    const endsAt = endOf(session, peer, ages)
    const from = { peer, port: this.#port, madeAt: this.#beganAt, ages, endsAt }
    const isShared = cache.shared?.put(this.#fleetKey, this.#network, session, from) === true
    if (isShared && isTls13) session.free()
    return isShared && isTls13
  }

  #isCurrent(): boolean {
    return this.#settings?.cache.revocations === this.#revocations
  }

  /**
   * The handshake failed, and its session goes. Safe to call twice.
   * @param all every other of that origin goes as well: it was rejected, or is not as they say
   */
  drop(all: boolean): void {
    this.#isDropped = true
    this.#stored?.session.free()
    this.#stored = undefined
    if (!all) return
    this.#settings?.cache.forget(this.#key)
    if (this.#fleetKey !== undefined) this.#settings?.cache.shared?.forget(this.#fleetKey)
  }
}
