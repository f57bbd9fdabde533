import { ProxyError } from '../../base/errors.js'
import { after } from '../../base/timer.js'
import { MAX_HELLO_BYTES } from '../../tls/sniff/client-hello.js'
import type { ClientLink, LinkSink } from '../../vconn/link.js'
import { RewindLink } from '../../vconn/rewind-link.js'
import { type Opening, readOpening } from '../connect/opening.js'

/** What a client may send ahead while it is held; beyond it the link is not read on. */
const MAX_AHEAD = 2 * MAX_HELLO_BYTES

/**
 * A client that has sent CONNECT and waits: for the verdict, or with what it has sent in the tunnel read and not answered.
 * It is read all the time, because an end is noticed only by reading.
 *
 * Life: waiting -> released, with all bytes put back for the next reader; or -> gone, once, which aborts `signal`. A
 * client that ends its direction is gone, because it could not make a handshake any more, unless it may half-close.
 */
export class WaitingClient implements LinkSink {
  readonly #link: ClientLink
  readonly #abort = new AbortController()
  readonly #mayHalfClose: boolean
  #bytes: Buffer
  #isOver = false
  #hasEnded = false
  #hasOriginSpoken = false
  #onBytes: (() => void) | undefined

  /**
   * @param early what came behind the CONNECT request
   * @param mayHalfClose whether the tunnel may be for another protocol than TLS, in which an end is no departure
   */
  constructor(link: ClientLink, early: Buffer, mayHalfClose = false) {
    this.#link = link
    this.#bytes = early
    this.#mayHalfClose = mayHalfClose
    link.attach(this)
    link.resume()
  }

  /** Aborted with PTC_CLIENT_GONE. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /**
   * What the client sends first; it stays with the bytes that are put back.
   * @param timeout milliseconds for all of it
   * @throws {ProxyError} PTC_REQUEST_TIMEOUT, PTC_CLIENT_GONE
   */
  readOpening(timeout: number): Promise<Opening> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#onBytes = undefined
        this.signal.removeEventListener('abort', onGone)
      }
      const onGone = (): void => {
        settle()
        reject(this.signal.reason)
      }
      const onTime = (): void => {
        settle()
        const what =
          this.#bytes.length === 0 ? 'sent nothing in its tunnel' : 'did not complete its ClientHello'
        reject(new ProxyError('PTC_REQUEST_TIMEOUT', `the client ${what} for ${timeout} ms`))
      }
      const timer = after(timeout, onTime, reject)
      this.#onBytes = () => {
        const opening = this.#readOpening()
        if (opening === 'more') return
        settle()
        resolve(opening)
      }
      if (this.signal.aborted) return onGone()
      this.signal.addEventListener('abort', onGone)
      this.#onBytes()
    })
  }

  /** The origin has spoken first, as no TLS server does: a client that has sent nothing is not waited for any more. */
  readonly originSpoke = (): void => {
    this.#hasOriginSpoken = true
    this.#onBytes?.()
  }

  #readOpening(): Opening | 'more' {
    if (this.#hasOriginSpoken && this.#bytes.length === 0) return ORIGIN_SPOKE
    return readOpening(this.#bytes, this.#hasEnded)
  }

  /**
   * The link, paused, with every byte put back. To be called when the signal is not aborted.
   * @throws {ProxyError} the signal's reason
   */
  release(): ClientLink {
    this.signal.throwIfAborted()
    this.#isOver = true
    this.#link.pause()
    return new RewindLink(this.#link, this.#bytes, this.#hasEnded)
  }

  /** Drops the stored bytes: the code that answers the client reads on. */
  discard(): void {
    this.#isOver = true
    this.#bytes = EMPTY
  }

  onData(bytes: Buffer): void {
    if (this.#isOver && this.#bytes === EMPTY) return
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
    if (this.#bytes.length > MAX_AHEAD) this.#link.pause()
    this.#onBytes?.()
  }

  onDrain(): void {
    // A 200 and an alert are far below any high-water mark.
  }

  onEnd(): void {
    if (!this.#mayHalfClose) return this.#gone()
    this.#hasEnded = true
    this.#onBytes?.()
  }

  onClose(): void {
    this.#gone()
  }

  #gone(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#abort.abort(new ProxyError('PTC_CLIENT_GONE', 'the client left before its tunnel was open'))
  }
}

const EMPTY = Buffer.alloc(0)
const ORIGIN_SPOKE: Opening = { kind: 'other', why: 'the origin spoke first', isOpen: true }
