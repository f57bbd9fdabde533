import { ProxyError } from '../base/errors.js'
import type { ConnectionOwner } from './connection-owner.js'
import { bindsConnection } from './login-schemes.js'

/**
 * Whose a connection to an origin is. It serves any client until a request or a response names a scheme that
 * authenticates the connection; from then on it belongs to the client of that request, until it is closed.
 */
export class ConnectionLogin {
  readonly #options: { readonly hasPrivateLogins: boolean }
  /** Whose request is under way. */
  #client: ConnectionOwner | undefined
  #owner: ConnectionOwner | undefined
  /** The origin has answered since there is an owner. */
  #isKnown = false

  /** @param options asked for anew whenever it matters, because a reload may change them */
  constructor(options: { readonly hasPrivateLogins: boolean }) {
    this.#options = options
  }

  /** The one client whose requests may be sent on the connection; undefined: any. */
  get owner(): ConnectionOwner | undefined {
    return this.#options.hasPrivateLogins ? this.#owner : undefined
  }

  /** Whether the origin knows something of a login that is lost with the connection. */
  get isKnown(): boolean {
    return this.#isKnown && this.owner !== undefined
  }

  /**
   * A request is to be sent. Each must pass here.
   * @throws {ProxyError} PTC_INTERNAL when the connection belongs to another client
   */
  request(fields: readonly string[], client: ConnectionOwner): void {
    if (this.owner !== undefined && this.owner !== client)
      throw new ProxyError('PTC_INTERNAL', 'a request on a connection on which another client has logged in')
    this.#client = client
    this.#look(fields)
  }

  /** The head of a response has come, an interim one's as well, or its trailers. */
  response(fields: readonly string[]): void {
    this.#look(fields)
    this.#isKnown = this.#owner !== undefined
  }

  /** The response is complete. */
  over(): void {
    this.#client = undefined
  }

  /** The connection has ended, or ends with this response: its owner has to learn that. */
  lost(): void {
    if (this.isKnown) this.#owner?.loginLost()
  }

  #look(fields: readonly string[]): void {
    if (this.#client !== undefined && this.#owner !== this.#client && bindsConnection(fields))
      this.#owner = this.#client
  }
}
