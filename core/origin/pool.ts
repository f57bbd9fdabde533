import type { Current } from '../base/current.js'
import { atEdge } from '../base/edge.js'
import { NetworkRings, Place, Ring } from '../base/network-rings.js'
import { after, LONGEST_TIMER, type OnFault } from '../base/timer.js'
import type { ConnectionOwner } from './connection-login.js'
import type { Http1 } from './http1.js'

/** A connection in the pool. */
export class Idle extends Place {
  readonly connection: Http1
  readonly key: string
  readonly network: string
  readonly list: Idle[]
  readonly since = Date.now()
  /** Closes the connection when the verdict expires that it rests on. */
  expiry: NodeJS.Timeout | undefined
  readonly #owner: ConnectionOwner | undefined

  constructor(connection: Http1, key: string, network: string, list: Idle[]) {
    super()
    this.connection = connection
    this.key = key
    this.network = network
    this.list = list
    this.#owner = connection.owner
  }

  /** Whether it had an owner when it was put into the pool. */
  get isOwned(): boolean {
    return this.#owner !== undefined
  }

  /** Whether its owner has changed since: a reload may change what counts as a login. */
  get hasOtherOwner(): boolean {
    return this.#owner !== this.connection.owner
  }
}

export interface PoolLimits {
  /**
   * Idle connections without an owner. Beyond it the client network with the most loses the one that has been idle
   * longest.
   */
  readonly maxIdle: number
  /** The same of one key. */
  readonly maxIdlePerKey: number
  /** Milliseconds after which an idle connection is closed. */
  readonly idleTimeout: number
}

/** Idle connections of one owner. Beyond it the one that has been idle longest is closed. */
const MAX_OWNED = 8

/**
 * Connections to origins between two requests. The key holds everything that makes one connection as good as another:
 * scheme, host, port and the policy under which the origin was accepted. A connection on which a client has logged in
 * has an owner. Only `take` gives connections out, and it gives such a one to its owner alone.
 *
 * The one used last is taken first, so that the surplus of a busy hour grows old and goes. A connection that receives
 * anything while it is idle, or ends, is dropped at once.
 */
export class Pool {
  readonly #limits: Current<PoolLimits>
  readonly #onFault: OnFault
  /** Empty lists stay until the next sweep, because the next connection often has the same key. */
  readonly #byKey = new Map<string, Idle[]>()
  readonly #byOwner = new Map<ConnectionOwner, Idle[]>()
  /** Those without an owner, by the client network that used them last; oldest first. */
  readonly #shared = new NetworkRings<Idle>()
  /** Those with an owner, oldest first. */
  readonly #owned = new Ring<Idle>()
  #sweeper: NodeJS.Timeout | undefined

  /** @param onFault called with what the end of a connection has thrown; the other connections stay */
  constructor(limits: Current<PoolLimits>, onFault: OnFault) {
    this.#limits = limits
    this.#onFault = onFault
  }

  get size(): number {
    return this.#shared.total + this.#owned.size
  }

  /** @param client the client of the request; undefined: there is none, so the connection must have no owner */
  take(key: string, client: ConnectionOwner | undefined): Http1 | undefined {
    for (;;) {
      const found = this.#ownedBy(client, key) ?? this.#byKey.get(key)?.at(-1)
      if (found === undefined) return undefined
      this.#remove(found)
      const { connection } = found
      const isFree = connection.owner === undefined || connection.owner === client
      // The timer may be late for a verdict that has expired, and the connection may have been closed since.
      if (isFree && connection.isIdle && (verdictLeft(connection) ?? 1) > 0) return connection
      connection.close()
    }
  }

  /** Whether this client has logged in on an idle connection. */
  hasOwned(client: ConnectionOwner, key: string): boolean {
    return this.#ownedBy(client, key) !== undefined
  }

  /** @param network of the client that used it, as {@link import('../base/network.js').networkOf} has it */
  put(key: string, connection: Http1, network: string): void {
    const left = verdictLeft(connection)
    const { owner } = connection
    const { maxIdle, maxIdlePerKey } = this.#limits()
    const isUnwanted = owner === undefined ? maxIdle <= 0 || maxIdlePerKey <= 0 : owner.isOver
    if (isUnwanted || (left !== undefined && left <= 0)) {
      connection.close()
      return
    }
    const list = owner === undefined ? listIn(this.#byKey, key) : this.#listOf(owner)
    const idle = new Idle(connection, key, network, list)
    if (left !== undefined) idle.expiry = after(left, () => this.#evict(idle), this.#onFault).unref()
    list.push(idle)
    if (owner === undefined) this.#shared.add(network, idle)
    else idle.enter(this.#owned)
    connection.onIdleLost(() => this.#remove(idle))
    if (list.length > (owner === undefined ? maxIdlePerKey : MAX_OWNED)) this.#evict(list[0])
    if (this.#shared.total > maxIdle) this.#evict(this.#superfluous)
    this.#sweeper ??= this.#sweepIn(this.#limits().idleTimeout)
  }

  /** Closes all connections, or those for which `isWanted` answers false. */
  clear(isWanted: (key: string, connection: Http1) => boolean = () => false): void {
    // The end of one connection may take others out of the pool.
    for (const idle of this.#all()) if (idle.isIn && !isWanted(idle.key, idle.connection)) this.#evict(idle)
    if (this.size > 0) return
    clearTimeout(this.#sweeper)
    this.#sweeper = undefined
  }

  /** Applies limits that a reload has changed to the idle connections. */
  applyLimits(): void {
    const { maxIdle, maxIdlePerKey } = this.#limits()
    for (const list of this.#byKey.values()) {
      while (list.length > Math.max(0, maxIdlePerKey)) this.#evict(list[0])
    }
    while (this.#shared.total > Math.max(0, maxIdle)) this.#evict(this.#superfluous)
    for (const idle of this.#all()) if (idle.isIn && idle.hasOtherOwner) this.#evict(idle)
    clearTimeout(this.#sweeper)
    this.#sweep()
  }

  #all(): Idle[] {
    return [...this.#byKey.values(), ...this.#byOwner.values()].flat()
  }

  #ownedBy(client: ConnectionOwner | undefined, key: string): Idle | undefined {
    return client && this.#byOwner.get(client)?.find(idle => idle.key === key)
  }

  #listOf(owner: ConnectionOwner): Idle[] {
    const known = this.#byOwner.get(owner)
    if (known !== undefined) return known
    owner.whenOver(() => {
      const list = this.#byOwner.get(owner) ?? []
      this.#byOwner.delete(owner)
      for (const idle of [...list]) this.#evict(idle)
    })
    return listIn(this.#byOwner, owner)
  }

  get #superfluous(): Idle | undefined {
    return this.#shared.heaviest?.ring.oldest
  }

  #evict(idle: Idle | undefined): void {
    if (idle === undefined) return
    this.#remove(idle)
    atEdge('the end of an idle connection', () => idle.connection.close(), this.#onFault)
  }

  readonly #remove = (idle: Idle): void => {
    if (!idle.isIn) return
    clearTimeout(idle.expiry)
    if (idle.isOwned) idle.leave()
    else this.#shared.remove(idle.network, idle)
    const { list } = idle
    if (list.at(-1) === idle) list.pop()
    else list.splice(list.indexOf(idle), 1)
  }

  /** One timer for all connections, for the moment at which the oldest expires. */
  #sweep(): void {
    this.#sweeper = undefined
    const due = Date.now() - this.#limits().idleTimeout
    let next = Number.POSITIVE_INFINITY
    for (const ring of [...this.#shared.rings, this.#owned]) {
      for (let idle = ring.oldest; idle !== undefined && idle.since <= due; idle = ring.oldest)
        this.#evict(idle)
      next = Math.min(next, ring.oldest?.since ?? next)
    }
    for (const [key, list] of this.#byKey) if (list.length === 0) this.#byKey.delete(key)
    if (this.size === 0) return
    this.#sweeper = this.#sweepIn(Math.max(1, next - due))
  }

  #sweepIn(ms: number): NodeJS.Timeout {
    return after(ms, () => this.#sweep(), this.#onFault).unref()
  }
}

function listIn<K>(lists: Map<K, Idle[]>, key: K): Idle[] {
  const known = lists.get(key)
  if (known !== undefined) return known
  const list: Idle[] = []
  lists.set(key, list)
  return list
}

/** Milliseconds for which the verdict still holds; undefined: as long as the connection stands. */
function verdictLeft({ channel: { peer } }: Http1): number | undefined {
  const ends = peer?.expiresAt
  return ends === undefined ? undefined : Math.min(ends - Date.now(), LONGEST_TIMER)
}
