import type { ProxyError } from '../../base/errors.js'
import { interimText } from '../../http1/field-lists.js'
import { responseFields, trailerFields } from '../../http1/headers.js'
import type { ResponseHead } from '../../http1/messages.js'
import type { Http1 } from '../../origin/http1.js'
import type { ClientReply } from '../listener/client-reply.js'
import type { ClientRequest } from '../listener/client-request.js'
import { errorReply, type Reply, sendReply, toleratedStatus } from '../pages/replies.js'
import type { Pages } from '../pages/templates.js'
import type { Via } from './via.js'

/**
 * The response on its way to the client, in the form that this client can read.
 *
 * Life: waiting, interim responses included -> started -> ended; or from waiting to refused; or cut.
 */
export class ClientResponse {
  readonly #req: ClientRequest
  readonly #res: ClientReply
  readonly #via: Via
  /** The client does not take more for now. */
  isBlocked = false
  /** Of the body. */
  bytes = 0

  constructor(req: ClientRequest, res: ClientReply, via: Via) {
    this.#req = req
    this.#res = res
    this.#via = via
  }

  /**
   * RFC 9110 section 15.2: not to a client of HTTP/1.0, and a 100 only to a client that waits for it.
   * @returns false: wait for the client to take it
   */
  interim(head: ResponseHead): boolean {
    const { httpVersion, headers } = this.#req
    if (httpVersion !== '1.1' || (head.status === 100 && headers.expect === undefined)) return true
    const goesOn =
      head.status === 100 ? this.#res.writeContinue() : this.#res.writeInterim(this.interimText(head))
    if (!goesOn) this.isBlocked = true
    return goesOn
  }

  interimText(head: ResponseHead): string {
    return interimText(head, this.#via.ofResponse(head.version))
  }

  /**
   * The fields of a response as they are for this client.
   * @param connection what it came on. What was tolerated of its certificate is said in a field; and where a login binds
   *   it, that the client may log in through this proxy (RFC 4559 section 6)
   */
  fieldsOf({ version, status, headers }: ResponseHead, connection: Http1 | undefined): string[] {
    const peer = connection?.channel.peer
    const isChunked = this.#req.httpVersion === '1.1' && this.#req.method !== 'HEAD'
    const fields = responseFields(headers, status, isChunked, this.#via.ofResponse(version))
    if (peer !== undefined && peer.tolerated.length > 0) fields.push('Proxy-Status', toleratedStatus(peer))
    if (status === 401 && connection?.owner !== undefined && this.#req.client.origin === undefined)
      fields.push('Proxy-Support', 'Session-Based-Authentication', 'Connection', 'Proxy-Support')
    return fields
  }

  start({ status, reason }: ResponseHead, fields: readonly string[]): void {
    this.#res.writeHead(status, reason, fields)
  }

  /** @returns false: wait for the client to take it */
  write(bytes: Buffer): boolean {
    this.bytes += bytes.length
    if (this.#res.write(bytes)) return true
    this.isBlocked = true
    return false
  }

  /** Whether bytes that were written are still needed. */
  holds(bytes: Buffer): boolean {
    return this.#res.holds(bytes)
  }

  /** The origin takes its time: what there is goes out now. */
  flush(): void {
    this.#res.flush()
  }

  end(trailers: readonly string[]): void {
    this.#res.end(trailers.length > 0 ? trailerFields(trailers) : trailers)
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
    this.#res.cut()
  }
}
