import { authorityText } from '../base/authority.js'
import type { Current } from '../base/current.js'
import { NetworkRings, Place } from '../base/network-rings.js'
import { after } from '../base/timer.js'
import type { ConnectionOwner } from './connection-login.js'
import { unlessAborted } from './dial.js'
import type { Http2Session, SessionOwner } from './http2-session.js'
import type { PoolLimits } from './pool.js'

/** Milliseconds for the settings of an origin. After them it is asked in HTTP/1.1 for what depends on them. */
const SETTINGS_WAIT = 1000

/** A connection that takes requests. It is in a ring while it has no stream. */
class Kept extends Place {
  readonly session: Http2Session
  readonly key: string
  /** Address and port of the origin. */
  readonly place: string
  /** The network of the client that used it last. */
  network: string

  constructor(session: Http2Session, key: string, network: string) {
    super()
    this.session = session
    this.key = key
    this.place = session.channel.link.remoteAddress
    this.network = network
  }
}

/**
 * The connections of HTTP/2 to origins, busy ones included, under the keys of the pool. One that was accepted for a client
 * serves that client alone. Of too many without a stream, the client network with the most loses the one that has been
 * idle longest.
 */
export class Http2Sessions implements SessionOwner {
  readonly #limits: Current<PoolLimits>
  readonly #byKey = new Map<string, Set<Kept>>()
  /** Those that serve any client, by address and port. */
  readonly #shared = new Map<string, Set<Kept>>()
  readonly #kept = new Map<Http2Session, Kept>()
  readonly #idle = new NetworkRings<Kept>()
  readonly #ended: (session: Http2Session) => void

  /** @param ended called with each connection that takes no further request */
  constructor(limits: Current<PoolLimits>, ended: (session: Http2Session) => void = () => {}) {
    this.#limits = limits
    this.#ended = ended
  }

  /** All that take requests. */
  get size(): number {
    return this.#kept.size
  }

  get idle(): number {
    return this.#idle.total
  }

  /**
   * One that has ended, or is to end, is not kept.
   * @param network of the client for which it was opened
   */
  add(key: string, network: string, session: Http2Session): void {
    if (session.isRetired) return
    const kept = new Kept(session, key, network)
    addTo(this.#byKey, key, kept)
    if (session.owner === undefined) addTo(this.#shared, kept.place, kept)
    this.#kept.set(session, kept)
  }

  /**
   * One that takes a request of this client.
   * @param network of the client
   * @param mayServe whether it is one for the request
   */
  find(
    key: string,
    network: string,
    client: ConnectionOwner | undefined,
    mayServe: (session: Http2Session) => boolean = () => true,
  ): Http2Session | undefined {
    for (const kept of this.#byKey.get(key) ?? []) {
      const { session } = kept
      if (isFor(session, client) && session.hasRoom && mayServe(session)) return this.#taken(kept, network)
    }
    return undefined
  }

  /** All that take requests of any client, at these addresses. @param addresses IPv6 without brackets */
  *shared(addresses: readonly string[], port: number): Iterable<Http2Session> {
    for (const address of addresses)
      for (const { session } of this.#shared.get(authorityText(address, port)) ?? [])
        if (session.hasRoom) yield session
  }

  /** As {@link find}, for one of those in `shared`. */
  take(session: Http2Session, network: string): Http2Session | undefined {
    const kept = this.#kept.get(session)
    if (kept === undefined || session.owner !== undefined || !session.hasRoom) return undefined
    return this.#taken(kept, network)
  }

  #taken(kept: Kept, network: string): Http2Session {
    this.#idle.remove(kept.network, kept)
    kept.network = network
    return kept.session
  }

  /**
   * Waits for the settings of an origin that has just been reached, a second at most.
   * @param client the client of the request
   * @throws {ProxyError} the signal's reason
   */
  async settled(key: string, client: ConnectionOwner | undefined, signal: AbortSignal): Promise<void> {
    const isNew = ({ session }: Kept): boolean =>
      isFor(session, client) && session.takesWebSockets === undefined
    const session = [...(this.#byKey.get(key) ?? [])].find(isNew)?.session
    if (session !== undefined) await settled(session, signal)
  }

  /** Retires all, or those for which `isWanted` answers false. */
  retire(isWanted: (key: string, session: Http2Session) => boolean = () => false): void {
    for (const { key, session } of [...this.#kept.values()]) if (!isWanted(key, session)) session.retire()
  }

  /** Applies limits that a reload has changed to the connections without a stream. */
  applyLimits(): void {
    for (const kept of [...this.#kept.values()])
      if (kept.isIn && this.#isOneTooMany(kept)) kept.session.close()
    this.#makeRoom()
  }

  onIdle(session: Http2Session): void {
    const kept = this.#kept.get(session)
    if (kept === undefined) return
    this.#idle.add(kept.network, kept)
    if (this.#isOneTooMany(kept) || session.owner?.isOver) session.close()
    this.#makeRoom()
  }

  onOver(session: Http2Session): void {
    const kept = this.#kept.get(session)
    if (kept === undefined) return
    this.#kept.delete(session)
    this.#idle.remove(kept.network, kept)
    removeFrom(this.#byKey, kept.key, kept)
    removeFrom(this.#shared, kept.place, kept)
    this.#ended(session)
  }

  /** Counts only connections with the same key and owner: what was accepted for one client takes no room from another client. */
  #isOneTooMany({ key, session: { owner } }: Kept): boolean {
    let count = 0
    for (const { isIn, session } of this.#byKey.get(key) ?? [])
      if (isIn && session.owner === owner) count += 1
    return count > this.#limits().maxIdlePerKey
  }

  #makeRoom(): void {
    while (this.#idle.total > Math.max(0, this.#limits().maxIdle)) {
      const oldest = this.#idle.heaviest?.ring.oldest
      if (oldest === undefined) return
      this.#idle.remove(oldest.network, oldest)
      oldest.session.close()
    }
  }
}

/**
 * Waits for the settings of an origin, a second at most.
 * @throws {ProxyError} the signal's reason
 */
export async function settled(session: Http2Session, signal: AbortSignal): Promise<void> {
  let forget = (): void => {}
  const settings = new Promise<void>((resolve, reject) => {
    const timer = after(SETTINGS_WAIT, resolve, reject)
    const unlisten = session.whenSettled(resolve)
    forget = () => {
      clearTimeout(timer)
      unlisten()
    }
  })
  await unlessAborted(settings, signal).finally(forget)
}

function addTo(sets: Map<string, Set<Kept>>, key: string, kept: Kept): void {
  const alike = sets.get(key)
  if (alike === undefined) sets.set(key, new Set([kept]))
  else alike.add(kept)
}

function removeFrom(sets: Map<string, Set<Kept>>, key: string, kept: Kept): void {
  const alike = sets.get(key)
  alike?.delete(kept)
  if (alike?.size === 0) sets.delete(key)
}

/** Whether it may serve a client. */
const isFor = ({ owner }: Http2Session, client: ConnectionOwner | undefined): boolean =>
  owner === undefined || owner === client
