import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http1 } from '../origin/http1.js'
import { trailerFields } from './headers.js'

/** How long a client may go on sending a body that nobody wants any more, in milliseconds. */
const LINGER = 2000

/**
 * A request's body on its way to the origin, no faster than the origin takes it.
 *
 * Life: waiting -> relaying -> ended | unwanted. An origin may answer while the body is still coming: it goes on to the
 * origin until the response is complete, and is read and thrown away from then on. Were it not read, the client would sit
 * in its write and not see the response, or lose it to a reset.
 */
export class RequestBody {
  readonly #req: IncomingMessage
  readonly #moved: () => void
  #connection: Http1 | undefined
  /** How many bytes have come from the client. */
  bytes = 0

  /** @param moved called whenever the client has sent something */
  constructor(req: IncomingMessage, moved: () => void) {
    this.#req = req
    this.#moved = moved
  }

  /** Whether it is the client who lets the origin wait. */
  get isAwaited(): boolean {
    return this.#connection !== undefined && !this.#req.complete && !this.#req.isPaused()
  }

  relayTo(connection: Http1): void {
    this.#connection = connection
    this.#req.on('data', (bytes: Buffer) => this.#onData(bytes))
    this.#req.on('end', () => this.#connection?.endBody(trailerFields(this.#req.rawTrailers)))
  }

  /** The origin takes more. */
  resume(): void {
    this.#req.resume()
  }

  /** Nobody wants the rest. A client that does not come to an end soon after it has been answered is cut off. */
  abandon(res: ServerResponse): void {
    this.#connection = undefined
    if (this.#req.complete) return
    const cut = (): void => {
      if (this.#req.complete) return
      this.#req.resume()
      const timer = setTimeout(() => this.#req.socket.destroy(), LINGER)
      this.#req.once('close', () => clearTimeout(timer))
    }
    if (res.writableFinished) cut()
    else res.once('finish', cut)
  }

  #onData(bytes: Buffer): void {
    this.bytes += bytes.length
    this.#moved()
    if (this.#connection?.writeBody(bytes) === false) this.#req.pause()
  }
}
