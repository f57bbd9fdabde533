import { Place } from '../base/ring.js'
import type { ConnectionOwner } from './connection-owner.js'
import type { Http1, IdleKeeper } from './http1.js'

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

  constructor(connection: Http1, key: string, network: string, list: Idle[], onLost: (idle: Idle) => void) {
    super()
    this.connection = connection
    this.key = key
    this.network = network
    this.list = list
    this.#owner = connection.owner
    this.#onLost = onLost
  }

  /** Whether it had an owner when it came. */
  get isOwned(): boolean {
    return this.#owner !== undefined
  }

  /** Whether its owner is the same as when it came: a reload may change what counts as a login. */
  get isAtHome(): boolean {
    return this.#owner === this.connection.owner
  }

  lost(): void {
    this.#onLost(this)
  }
}
