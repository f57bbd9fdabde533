import type { Http1, IdleKeeper } from './http1.js'

export interface PoolLimits {
  /** Idle connections in all. Beyond it the one that has been idle longest is closed. */
  readonly maxIdle: number
  /** Idle connections of one key. */
  readonly maxIdlePerKey: number
  /** Milliseconds after which an idle connection is closed. */
  readonly idleTimeout: number
}

/** Longer waits than this a timer cannot take; what lasts longer is idle for less. */
const LONGEST_TIMER = 2_147_483_647

/**
 * Connections to origins between two requests. The key holds everything that makes one connection as good as another:
 * scheme, host, port and the policy under which the origin was accepted.
 *
 * The one used last is taken first, so that the surplus of a busy hour grows old and goes. A connection that receives
 * anything while it is idle, or ends, is dropped at once.
 */
export class Pool {
  readonly #limits: PoolLimits
  /** Lists that have become empty stay till the next sweep: the next connection will be of the same key. */
  readonly #byKey = new Map<string, Idle[]>()
  /** All in order of time, oldest first: a ring that begins and ends here. */
  readonly #ring = new Place()
  #size = 0
  #sweeper: NodeJS.Timeout | undefined

  constructor(limits: PoolLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#size
  }

  take(key: string): Http1 | undefined {
    for (;;) {
      const found = this.#byKey.get(key)?.at(-1)
      if (found === undefined) return undefined
      this.#remove(found)
      // A timer may be late; a verdict is not. Nor is it of use when whoever gave it back has closed it since.
      if (found.connection.isIdle && (verdictLeft(found.connection) ?? 1) > 0) return found.connection
      found.connection.close()
    }
  }

  put(key: string, connection: Http1): void {
    const { maxIdle, maxIdlePerKey } = this.#limits
    const left = verdictLeft(connection)
    if (maxIdle <= 0 || maxIdlePerKey <= 0 || (left !== undefined && left <= 0)) {
      connection.close()
      return
    }
    const list = this.#byKey.get(key) ?? this.#listOf(key)
    const idle = new Idle(connection, key, this.#remove)
    if (left !== undefined) idle.expiry = setTimeout(() => this.#evict(idle), left).unref()
    list.push(idle)
    idle.enter(this.#ring)
    this.#size += 1
    connection.keep(idle)
    if (list.length > maxIdlePerKey) this.#evict(list[0])
    if (this.#size > maxIdle) this.#evict(this.#oldest())
    this.#sweeper ??= setTimeout(() => this.#sweep(), this.#limits.idleTimeout).unref()
  }

  /** Closes all of them, or those whose key is not `kept`. */
  clear(kept: (key: string, connection: Http1) => boolean = () => false): void {
    // What a connection's end sets off may have taken another one out meanwhile.
    for (const idle of [...this.#byKey.values()].flat())
      if (idle.isIn && !kept(idle.key, idle.connection)) this.#evict(idle)
    if (this.#size > 0) return
    clearTimeout(this.#sweeper)
    this.#sweeper = undefined
  }

  #listOf(key: string): Idle[] {
    const list: Idle[] = []
    this.#byKey.set(key, list)
    return list
  }

  #oldest(): Idle | undefined {
    const { next } = this.#ring
    return next instanceof Idle ? next : undefined
  }

  #evict(idle: Idle | undefined): void {
    if (idle === undefined) return
    this.#remove(idle)
    idle.connection.close()
  }

  readonly #remove = (idle: Idle): void => {
    if (!idle.isIn) return
    clearTimeout(idle.expiry)
    idle.leave()
    this.#size -= 1
    const list = this.#byKey.get(idle.key)
    if (list === undefined) return
    if (list.at(-1) === idle) list.pop()
    else list.splice(list.indexOf(idle), 1)
  }

  /** One timer for all: set for the moment the oldest is due. */
  #sweep(): void {
    this.#sweeper = undefined
    const due = Date.now() - this.#limits.idleTimeout
    for (let idle = this.#oldest(); idle !== undefined && idle.since <= due; idle = this.#oldest())
      this.#evict(idle)
    for (const [key, list] of this.#byKey) if (list.length === 0) this.#byKey.delete(key)
    const next = this.#oldest()
    if (next === undefined) return
    this.#sweeper = setTimeout(() => this.#sweep(), Math.max(1, next.since - due)).unref()
  }
}

/** A place in a ring; alone it is a ring of its own. */
class Place {
  prev: Place = this
  next: Place = this

  get isIn(): boolean {
    return this.next !== this
  }

  /** Becomes the last in a ring. */
  enter(ring: Place): void {
    this.prev = ring.prev
    this.next = ring
    ring.prev.next = this
    ring.prev = this
  }

  leave(): void {
    this.prev.next = this.next
    this.next.prev = this.prev
    this.prev = this
    this.next = this
  }
}

/** A connection in the pool. */
class Idle extends Place implements IdleKeeper {
  readonly connection: Http1
  readonly key: string
  readonly since = Date.now()
  /** Set where the verdict ends that the connection rests on. */
  expiry: NodeJS.Timeout | undefined
  readonly #onLost: (idle: Idle) => void

  constructor(connection: Http1, key: string, onLost: (idle: Idle) => void) {
    super()
    this.connection = connection
    this.key = key
    this.#onLost = onLost
  }

  lost(): void {
    this.#onLost(this)
  }
}

/** Milliseconds for which the verdict still holds; undefined: as long as the connection stands. */
function verdictLeft({ channel: { peer } }: Http1): number | undefined {
  const ends = peer?.expiresAt
  return ends === undefined ? undefined : Math.min(ends - Date.now(), LONGEST_TIMER)
}
