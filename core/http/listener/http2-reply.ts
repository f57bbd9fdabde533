import {
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from 'node:http2'
import { ProxyError } from '../../base/errors.js'
import { responseFields } from '../../http1/headers.js'
import type { ResponseHead } from '../../http1/messages.js'
import { notSwitched, switchedFields } from '../../http2/extended-connect.js'
import { toHeaders } from '../../http2/fields.js'
import { TUNNEL } from '../../http2/stream-link.js'
import { ClientReply } from './client-reply.js'
import type { ClientRequest } from './client-request.js'

/**
 * The reply to one request of HTTP/2 (RFC 9113 section 8.1), on a stream of its own. The stream's flow control is the
 * back-pressure: bytes that the client has not asked for wait in it, and `isBlocked` says so.
 */
export class Http2Reply extends ClientReply {
  readonly isMultiplexed = true
  readonly #stream: ServerHttp2Stream
  readonly #request: ClientRequest
  readonly #endSoon: () => void
  readonly #limit: () => number
  #isBodiless = false
  #trailers: readonly string[] = []
  bodyBytes = 0

  /**
   * @param endSoon lets the connection take no further request
   * @param limit milliseconds for a client that takes nothing
   */
  constructor(stream: ServerHttp2Stream, request: ClientRequest, endSoon: () => void, limit: () => number) {
    super()
    this.#stream = stream
    this.#request = request
    this.#endSoon = endSoon
    this.#limit = limit
    stream.on('drain', () => this.watcher?.onClientDrain())
    stream.on('wantTrailers', () => {
      if (!stream.destroyed && !stream.closed) stream.sendTrailers(toHeaders(this.#trailers))
    })
  }

  get closes(): boolean {
    return false
  }

  set closes(closes: boolean) {
    if (closes) this.#endSoon()
  }

  get isBlocked(): boolean {
    return this.#stream.writableNeedDrain
  }

  /** The stream does not copy bytes that are written, and does not report when it has sent them. */
  holds(): boolean {
    return true
  }

  writeInterim({ status, headers }: ResponseHead, via: string | undefined): boolean {
    if (this.state === 'waiting' && status !== 101) {
      const fields = responseFields(headers, status, false, via)
      this.#stream.additionalHeaders({ ...toHeaders(fields), ':status': status })
    }
    return !this.isBlocked
  }

  /** A 200 in HTTP/2, where the stream carries the other protocol (RFC 8441 section 5). */
  switched({ headers }: ResponseHead, via: string | undefined): Uint8Array {
    const fields = switchedFields(this.#request.rawHeaders, responseFields(headers, 101, false, via))
    this.#respond({ ...toHeaders(fields), ':status': 200 }, TUNNEL)
    this.state = 'gone'
    this.hasHead = true
    return NOTHING
  }

  override writeHead(status: number, _reason: string, fields: readonly string[], isWhole = false): this {
    if (this.state !== 'waiting') return this
    if (this.#request.isUpgrade && status < 300) throw notSwitched(`status ${status}`)
    this.#isBodiless = isWhole || this.#request.method === 'HEAD' || status === 204 || status === 304
    const headers = { ...toHeaders(fields), ':status': status }
    const options = { endStream: this.#isBodiless, waitForTrailers: !this.#isBodiless }
    this.#respond(headers, options)
    this.state = 'started'
    this.hasHead = true
    this.statusCode = status
    return this
  }

  #respond(headers: OutgoingHttpHeaders, options: ServerStreamResponseOptions): void {
    try {
      this.#stream.respond(headers, options)
    } catch (cause) {
      // After the client has disconnected, `gone` reports it, and this error is ignored.
      if (!this.#stream.destroyed && !this.#stream.closed) throw unsendable(cause)
    }
  }

  override write(bytes: Uint8Array): boolean {
    if (this.state !== 'started' || this.#isBodiless || bytes.length === 0) return true
    this.bodyBytes += bytes.length
    return this.#stream.write(bytes)
  }

  flush(): void {
    // The stream sends what it has after the present callback.
  }

  override end(trailers: readonly string[] = []): void {
    if (this.state !== 'started') return
    this.state = 'ended'
    this.#trailers = trailers
    this.#stream.end()
    this.#awaitTaken(Number.POSITIVE_INFINITY)
  }

  /** A client that takes nothing of what is left is not waited for: it keeps the stream, and the bytes. */
  #awaitTaken(before: number): void {
    const { writableLength } = this.#stream
    if (writableLength >= before) this.#stream.close(constants.NGHTTP2_CANCEL)
    else this.#request.clocks.idle.set(this.#limit(), () => this.#awaitTaken(writableLength))
  }

  protected override breakOff(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }
}

const NOTHING = new Uint8Array()

const unsendable = (cause: unknown): ProxyError =>
  new ProxyError('PTC_INTERNAL', 'the response cannot be sent in HTTP/2', { cause })
