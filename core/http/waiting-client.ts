import { ProxyError } from '../base/errors.js'
import { type ClientHello, MAX_HELLO_BYTES, readClientHello } from '../tls/client-hello.js'
import type { ClientLink, LinkSink } from '../vconn/link.js'
import { UnreadLink } from '../vconn/unread-link.js'

/** What a client may send ahead while it is held; beyond it the link is not read on. */
const MAX_AHEAD = 2 * MAX_HELLO_BYTES

/**
 * A client that has sent CONNECT and waits: for the verdict, or with its ClientHello read and not answered. It is read
 * all the time, because only who reads notices that the other end has left.
 *
 * Life: waiting -> released, with all bytes put back for the next reader; or -> gone, once, which aborts `signal`. A
 * client that ends its direction is gone: it could not make a handshake any more.
 */
export class WaitingClient implements LinkSink {
  readonly #link: ClientLink
  readonly #abort = new AbortController()
  #bytes: Buffer
  #isOver = false
  #onBytes: (() => void) | undefined

  /** @param early what came behind the CONNECT request */
  constructor(link: ClientLink, early: Buffer) {
    this.#link = link
    this.#bytes = early
    link.attach(this)
    link.resume()
  }

  /** Aborted with PTC_CLIENT_GONE. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /**
   * The ClientHello, which stays with the bytes that are put back.
   * @param timeout milliseconds for all of it
   * @throws {ProxyError} PTC_TUNNEL_NOT_TLS, PTC_REQUEST_TIMEOUT, PTC_CLIENT_GONE
   */
  readHello(timeout: number): Promise<ClientHello> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#onBytes = undefined
        this.signal.removeEventListener('abort', onGone)
      }
      const fail = (code: 'PTC_TUNNEL_NOT_TLS' | 'PTC_REQUEST_TIMEOUT', message: string): void => {
        settle()
        reject(new ProxyError(code, message))
      }
      const onGone = (): void => {
        settle()
        reject(this.signal.reason)
      }
      const timer = setTimeout(
        () => fail('PTC_REQUEST_TIMEOUT', `the ClientHello was not complete after ${timeout} ms`),
        timeout,
      )
      this.#onBytes = () => {
        const reading = readClientHello(this.#bytes)
        if (reading.kind === 'not-tls')
          return fail('PTC_TUNNEL_NOT_TLS', `the client does not speak TLS: ${reading.why}`)
        if (reading.kind === 'more') return
        settle()
        resolve(reading.hello)
      }
      if (this.signal.aborted) return onGone()
      this.signal.addEventListener('abort', onGone)
      this.#onBytes()
    })
  }

  /**
   * The link, paused, with every byte put back. To be called when the signal is not aborted.
   * @throws {ProxyError} the signal's reason
   */
  release(): ClientLink {
    this.signal.throwIfAborted()
    this.#isOver = true
    this.#link.pause()
    return new UnreadLink(this.#link, this.#bytes)
  }

  /** Lets go of what has come: whoever answers it now reads on. */
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
    this.#gone()
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
