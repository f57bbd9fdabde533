import type { ProxyError } from '../../base/errors.js'
import { asClientError } from '../handshake-error.js'

/**
 * What has to be there before a client is answered. The time it takes is its own, and it must have an end. A rejection
 * refuses the client.
 * @param signal aborts when the preparation is no longer needed
 */
export type Prepare = (sni: string | undefined, signal: AbortSignal) => Promise<void>

/**
 * One preparation of one handshake.
 *
 * Life: in flight -> over, with one call of `onEnd`; or -> stopped, with none.
 */
export class Preparation {
  readonly #abort = new AbortController()

  /** @param onEnd called with the error if it failed; never from within this call */
  constructor(prepare: Prepare, sni: string | undefined, onEnd: (why: ProxyError | undefined) => void) {
    const { signal } = this.#abort
    const end = (why: ProxyError | undefined): void => {
      if (!signal.aborted) onEnd(why)
    }
    prepare(sni, signal).then(
      () => end(undefined),
      (cause: unknown) => end(asClientError(cause)),
    )
  }

  stop(why: ProxyError): void {
    this.#abort.abort(why)
  }
}
