import { Place } from '../base/ring.js'
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
