import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ProxyError } from '../base/errors.js'
import type { ResponseHead } from '../origin/messages.js'
import { interimText, pairs } from './field-lists.js'
import { responseFields, trailerFields } from './headers.js'
import type { Pages } from './page-templates.js'
import { errorReply, type Reply, sendReply } from './replies.js'
import type { Via } from './via.js'

/** So much goes out at once; less waits for what may come with it. */
const BULK_BYTES = 16_384

/**
 * The response on its way to the client, in the form that this client can read.
 *
 * Life: waiting, interim responses included -> started -> ended; or from waiting to refused; or cut.
 */
export class ClientResponse {
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #via: Via
  readonly #onDrain: () => void
  #isFlushed = false
  #listensForDrain = false
  /** The client does not read: `onDrain` tells when it does again. */
  isBlocked = false
  /** Of the body. */
  bytes = 0

  constructor(req: IncomingMessage, res: ServerResponse, via: Via, onDrain: () => void) {
    this.#req = req
    this.#res = res
    this.#via = via
    this.#onDrain = onDrain
  }

  /** RFC 9110 section 15.2: not to a client of HTTP/1.0, and a 100 only to one who waits for it. */
  interim(head: ResponseHead): void {
    const { httpVersion, headers } = this.#req
    if (httpVersion !== '1.1' || (head.status === 100 && headers.expect === undefined)) return
    if (head.status === 100) this.#res.writeContinue()
    else this.#res.socket?.write(this.interimText(head), 'latin1')
  }

  interimText(head: ResponseHead): string {
    return interimText(head, this.#via.ofResponse(head.version))
  }

  /**
   * The fields of a response as they are for this client.
   * @param proxyStatus what the proxy itself has to say about a response that it passes on
   */
  fieldsOf({ version, status, headers }: ResponseHead, proxyStatus?: string): string[] {
    const isChunked = this.#req.httpVersion === '1.1' && this.#req.method !== 'HEAD'
    const fields = responseFields(headers, status, isChunked, this.#via.ofResponse(version))
    if (proxyStatus !== undefined) fields.push('Proxy-Status', proxyStatus)
    return fields
  }

  start({ status, reason }: ResponseHead, fields: string[]): void {
    this.#res.writeHead(status, reason, fields)
  }

  /** @returns false: wait for `onDrain` */
  write(bytes: Buffer): boolean {
    this.bytes += bytes.length
    this.#isFlushed = true
    if (bytes.length < BULK_BYTES ? this.#res.write(bytes) : this.#writeNow(bytes)) return true
    this.isBlocked = true
    if (this.#listensForDrain) return false
    this.#listensForDrain = true
    this.#res.on('drain', () => {
      this.isBlocked = false
      this.#onDrain()
    })
    return false
  }

  /** Past the cork of node:http, which would hold the bytes till the end of the turn. */
  #writeNow(bytes: Buffer): boolean {
    const { socket } = this.#res
    socket?.cork()
    const goesOn = this.#res.write(bytes)
    socket?.uncork()
    return goesOn
  }

  /** Whether bytes that were written wait here for the client to take them. */
  get holdsBytes(): boolean {
    return this.#res.writableLength > 0
  }

  /** The origin takes its time: what there is of a head goes out now. */
  flush(): void {
    if (this.#isFlushed) return
    this.#isFlushed = true
    this.#res.flushHeaders()
  }

  end(trailers: readonly string[]): void {
    if (trailers.length > 0 && this.#res.chunkedEncoding)
      this.#res.addTrailers(pairs(trailerFields(trailers)))
    this.#res.end()
  }

  get hasStarted(): boolean {
    return this.#res.headersSent
  }

  /** The page for an error, in the form that this client wants. */
  pageOf(error: ProxyError, host: string, pages?: Pages): Reply {
    return errorReply(error, { host }, this.#req.headers, pages)
  }

  refuse(page: Reply): void {
    if (this.#req.method !== 'HEAD') this.bytes = page.body.length
    sendReply(this.#res, page)
  }

  /** Cuts a response off that has started, so that nobody takes it for complete. */
  cut(): void {
    const { socket } = this.#res
    if (this.#req.httpVersion === '1.1' || (socket !== null && 'encrypted' in socket)) {
      this.#res.destroy() // in TLS an end without close_notify is known for no end
    } else if (socket !== null && 'resetAndDestroy' in socket) {
      socket.resetAndDestroy() // a body that lasts until the end: a plain end would pass for completeness
    } else this.#res.destroy() // a TLS connection of ours: it ends without a close_notify
  }
}
