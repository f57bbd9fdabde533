import { malformed } from '../http1/messages.js'

/** The most 1xx responses to one request. */
const MAX_COUNT = 1000
/** The most bytes of all 1xx responses to one request; a single one may be as large as a head. */
const MAX_BYTES = 1_048_576

/**
 * Limits the 1xx responses to one request, because each one counts as progress: an origin could keep a transaction alive
 * without end.
 */
export class InterimLimit {
  #count = 0
  #bytes = 0

  /** Whether a 1xx response has come. */
  get hasCounted(): boolean {
    return this.#count > 0
  }

  /**
   * Counts one.
   * @param maxHeadBytes how large one may be
   * @throws {ProxyError} PTC_RESPONSE_MALFORMED
   */
  add(headBytes: number, maxHeadBytes: number): void {
    this.#count += 1
    this.#bytes += headBytes
    if (this.#count > MAX_COUNT) throw malformed(`more than ${MAX_COUNT} interim responses`)
    const most = Math.max(MAX_BYTES, maxHeadBytes)
    if (this.#bytes > most) throw malformed(`more than ${most} bytes of interim responses`)
  }
}
