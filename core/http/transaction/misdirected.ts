import type { ProxyError } from '../../base/errors.js'
import type { ResponseHead, ResponseSink } from '../../http1/messages.js'
import { NotProcessed, type OriginConnection } from '../../origin/connection.js'
import type { Link } from '../../vconn/link.js'

const MISDIRECTED = 421

/**
 * A response on a connection that was opened for another name. A 421 says that the origin has not acted on the request
 * (RFC 9110 section 15.5.20): it then fails as not processed, before anything sees its head, if it can be sent again.
 */
export class CoalescedResponse implements ResponseSink {
  readonly #inner: ResponseSink
  readonly #connection: OriginConnection
  readonly #mayRepeat: () => boolean

  constructor(inner: ResponseSink, connection: OriginConnection, mayRepeat: () => boolean) {
    this.#inner = inner
    this.#connection = connection
    this.#mayRepeat = mayRepeat
  }

  onHead(head: ResponseHead): void {
    if (head.status !== MISDIRECTED) return this.#inner.onHead(head)
    this.#connection.onMisdirected?.()
    if (!this.#mayRepeat()) return this.#inner.onHead(head)
    this.#connection.close()
    const text = 'the origin does not serve this name on a connection for another one (421)'
    this.#inner.onFail(new NotProcessed(text, false), false)
  }

  onInterim(head: ResponseHead): void {
    this.#inner.onInterim(head)
  }

  onBody(bytes: Buffer): 'written' | 'held' {
    return this.#inner.onBody(bytes)
  }

  onPartial(): void {
    this.#inner.onPartial()
  }

  onComplete(trailers: readonly string[]): void {
    this.#inner.onComplete(trailers)
  }

  onUpgrade(head: ResponseHead, link: Link, first: Buffer): void {
    this.#inner.onUpgrade(head, link, first)
  }

  onDrain(): void {
    this.#inner.onDrain()
  }

  onFail(error: ProxyError, sawResponse: boolean): void {
    this.#inner.onFail(error, sawResponse)
  }
}
