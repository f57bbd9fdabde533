import type { Current } from '../base/current.js'
import { ProxyError } from '../base/errors.js'
import type { ConnectionOwner } from './connection-owner.js'
import { bindsConnection } from './login-schemes.js'

/**
 * Decides which client a connection to an origin may serve. One that was accepted for a client serves that client alone. Another may serve any client until a request or a response names a scheme that
 * authenticates the connection; from then on it belongs to the client of that request, until it is closed.
 */
export class ConnectionLogin {
  readonly #options: Current<{ readonly hasPrivateLogins: boolean }>
  readonly #acceptedFor: ConnectionOwner | undefined
  /** The client of the request in flight. */
  #client: ConnectionOwner | undefined
  #owner: ConnectionOwner | undefined
  /** The origin has answered since there is an owner. */
  #isKnown = false

  /** @param acceptedFor the only client for which plugins have accepted the origin */
  constructor(options: Current<{ readonly hasPrivateLogins: boolean }>, acceptedFor?: ConnectionOwner) {
    this.#options = options
    this.#acceptedFor = acceptedFor
  }

  /** The only client that the connection may serve; undefined: it may serve any. */
  get owner(): ConnectionOwner | undefined {
    return this.#acceptedFor ?? this.#loggedIn
  }

  get #loggedIn(): ConnectionOwner | undefined {
    return this.#options().hasPrivateLogins ? this.#owner : undefined
  }

  /** Whether the end of the connection ends a login: the origin has answered since there is an owner. */
  get isKnown(): boolean {
    return this.#isKnown && this.#loggedIn !== undefined
  }

  /**
   * Called before each request is sent.
   * @throws {ProxyError} PTC_INTERNAL when the connection belongs to another client
   */
  request(fields: readonly string[], client: ConnectionOwner): void {
    if (this.owner !== undefined && this.owner !== client)
      throw new ProxyError('PTC_INTERNAL', 'a request on a connection that is for another client')
    this.#client = client
    this.#look(fields)
  }

  /** Called with the fields of each response head, interim ones included, and with the trailers. */
  response(fields: readonly string[]): void {
    this.#look(fields)
    this.#isKnown = this.#owner !== undefined
  }

  /** The response is complete. */
  over(): void {
    this.#client = undefined
  }

  /** Tells the owner that the connection has ended, or ends with this response. */
  lost(): void {
    if (this.isKnown) this.#owner?.loginLost()
  }

  #look(fields: readonly string[]): void {
    if (this.#client !== undefined && this.#owner !== this.#client && bindsConnection(fields))
      this.#owner = this.#client
  }
}
