import type { ConnectionOwner } from './connection-owner.js'
import type { Http1, IdleKeeper } from './http1.js'

/** A place in a ring; alone it is a ring of its own. */
class Place {
  prev: Place = this
  next: Place = this
}

/** Idle connections in order of time. */
export class Ring extends Place {
  size = 0

  get oldest(): Idle | undefined {
    const { next } = this
    return next instanceof Idle ? next : undefined
  }
}

/** A connection in the pool. */
export class Idle extends Place implements IdleKeeper {
  readonly connection: Http1
  readonly key: string
  readonly network: string
  readonly list: Idle[]
  readonly since = Date.now()
  /** Set where the verdict ends that the connection rests on. */
  expiry: NodeJS.Timeout | undefined
  readonly #onLost: (idle: Idle) => void
  readonly #owner: ConnectionOwner | undefined
  #ring: Ring | undefined

  constructor(connection: Http1, key: string, network: string, list: Idle[], onLost: (idle: Idle) => void) {
    super()
    this.connection = connection
    this.key = key
    this.network = network
    this.list = list
    this.#owner = connection.owner
    this.#onLost = onLost
  }

  get isIn(): boolean {
    return this.#ring !== undefined
  }

  /** Whether it had an owner when it came. */
  get isOwned(): boolean {
    return this.#owner !== undefined
  }

  /** Whether its owner is the same as when it came: a reload may change what counts as a login. */
  get isAtHome(): boolean {
    return this.#owner === this.connection.owner
  }

  /** Becomes the last in a ring. */
  enter(ring: Ring): void {
    this.#ring = ring
    ring.size += 1
    this.prev = ring.prev
    this.next = ring
    ring.prev.next = this
    ring.prev = this
  }

  leave(): void {
    if (this.#ring !== undefined) this.#ring.size -= 1
    this.#ring = undefined
    this.prev.next = this.next
    this.next.prev = this.prev
    this.prev = this
    this.next = this
  }

  lost(): void {
    this.#onLost(this)
  }
}
