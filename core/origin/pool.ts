import type { Http1, IdleKeeper } from './http1.js'

export interface PoolLimits {
  /** Idle connections in all. Beyond it the one that has been idle longest is closed. */
  readonly maxIdle: number
  /** Idle connections of one key. */
  readonly maxIdlePerKey: number
  /** Milliseconds after which an idle connection is closed. */
  readonly idleTimeout: number
}

interface Idle {
  readonly connection: Http1
  readonly key: string
  readonly since: number
  /** Set where the verdict ends that the connection rests on. */
  readonly expiry: NodeJS.Timeout | undefined
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
export class Pool implements IdleKeeper {
  readonly #limits: PoolLimits
  readonly #byKey = new Map<string, Idle[]>()
  /** In order of time, oldest first. */
  readonly #all = new Map<Http1, Idle>()
  #sweeper: NodeJS.Timeout | undefined

  constructor(limits: PoolLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#all.size
  }

  take(key: string): Http1 | undefined {
    for (;;) {
      const found = this.#byKey.get(key)?.at(-1)
      if (found === undefined) return undefined
      this.#remove(found)
      // A timer may be late; a verdict is not.
      if ((verdictLeft(found.connection) ?? 1) > 0) return found.connection
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
    const list = this.#byKey.get(key) ?? []
    if (list.length === 0) this.#byKey.set(key, list)
    const expiry = left === undefined ? undefined : setTimeout(() => this.#evict(idle), left).unref()
    const idle: Idle = { connection, key, since: Date.now(), expiry }
    list.push(idle)
    this.#all.set(connection, idle)
    connection.keep(this)
    if (list.length > maxIdlePerKey) this.#evict(list[0])
    if (this.#all.size > maxIdle) this.#evict(this.#oldest())
    this.#sweeper ??= setTimeout(() => this.#sweep(), this.#limits.idleTimeout).unref()
  }

  lost(connection: Http1): void {
    const idle = this.#all.get(connection)
    if (idle !== undefined) this.#remove(idle)
  }

  /** Closes all of them, or those whose key is not `kept`. */
  clear(kept: (key: string, connection: Http1) => boolean = () => false): void {
    // What a connection's end sets off may have taken another one out meanwhile.
    for (const idle of [...this.#all.values()])
      if (this.#all.has(idle.connection) && !kept(idle.key, idle.connection)) this.#evict(idle)
    if (this.#all.size > 0) return
    clearTimeout(this.#sweeper)
    this.#sweeper = undefined
  }

  #oldest(): Idle | undefined {
    return this.#all.values().next().value
  }

  #evict(idle: Idle | undefined): void {
    if (idle === undefined) return
    this.#remove(idle)
    idle.connection.close()
  }

  #remove(idle: Idle): void {
    clearTimeout(idle.expiry)
    this.#all.delete(idle.connection)
    const list = this.#byKey.get(idle.key)
    if (list === undefined) return
    if (list.at(-1) === idle) list.pop()
    else list.splice(list.indexOf(idle), 1)
    if (list.length === 0) this.#byKey.delete(idle.key)
  }

  /** One timer for all: set for the moment the oldest is due. */
  #sweep(): void {
    this.#sweeper = undefined
    const due = Date.now() - this.#limits.idleTimeout
    for (let idle = this.#oldest(); idle !== undefined && idle.since <= due; idle = this.#oldest())
      this.#evict(idle)
    const next = this.#oldest()
    if (next === undefined) return
    this.#sweeper = setTimeout(() => this.#sweep(), Math.max(1, next.since - due)).unref()
  }
}

/** Milliseconds for which the verdict still holds; undefined: as long as the connection stands. */
function verdictLeft({ channel: { peer } }: Http1): number | undefined {
  const ends = peer?.expiresAt
  return ends === undefined ? undefined : Math.min(ends - Date.now(), LONGEST_TIMER)
}
