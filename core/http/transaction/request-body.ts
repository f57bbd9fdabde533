import { trailerFields } from '../../http1/headers.js'
import type { Http1 } from '../../origin/http1.js'
import type { BodyReader, ClientRequest } from '../listener/client-request.js'

/**
 * A request's body on its way to the origin, no faster than the origin takes it.
 *
 * Life: waiting -> relaying -> ended | unwanted. An origin may answer while the body is still coming: it goes on to the
 * origin until the response is complete; what then is left of it the client's connection reads and throws away.
 */
export class RequestBody implements BodyReader {
  readonly #req: ClientRequest
  readonly #moved: () => void
  #connection: Http1 | undefined
  /** How many bytes have come from the client. */
  bytes = 0

  /** @param moved called whenever the client has sent something */
  constructor(req: ClientRequest, moved: () => void) {
    this.#req = req
    this.#moved = moved
  }

  /** Of the client whose request it is. */
  get network(): string {
    return this.#req.client.network
  }

  /** Whether it is the client who lets the origin wait. */
  get isAwaited(): boolean {
    return this.#connection !== undefined && !this.#req.isComplete && !this.#req.isPaused
  }

  relayTo(connection: Http1): void {
    this.#connection = connection
    this.#req.read(this)
  }

  onBody(bytes: Buffer): void {
    this.bytes += bytes.length
    this.#moved()
    if (this.#connection?.writeBody(bytes) === false) this.#req.pause()
  }

  onBodyEnd(): void {
    this.#connection?.endBody(trailerFields(this.#req.rawTrailers))
  }

  /** The origin takes more. */
  resume(): void {
    this.#req.resume()
  }

  /** Nobody wants the rest. */
  abandon(): void {
    this.#connection = undefined
  }
}
