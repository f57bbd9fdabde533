import { toProxyError } from '../../base/edge.js'
import { type ErrorCode, ProxyError } from '../../base/errors.js'
import type { RequestHead, ResponseHead } from '../../http1/messages.js'
import type { Link } from '../../vconn/link.js'
import type { ClientReply, ReplyWatcher } from '../listener/client-reply.js'
import type { ClientRequest } from '../listener/client-request.js'
import type { Reply } from '../pages/replies.js'
import { ClientResponse } from './client-response.js'
import type { ForwarderOptions } from './forwarder-options.js'
import { TxnHooks, type TxnPoints } from './hooks.js'
import { OriginRequest, type RequestOwner } from './origin-request.js'
import { RequestBody } from './request-body.js'
import { effectiveUrl } from './summary.js'
import { type RequestTarget, urlOf } from './target.js'
import { type TimedOwner, TransactionTime } from './time.js'
import { switchProtocol } from './upgrade.js'

/**
 * One request and its response.
 *
 * Life: connecting -> sent -> responding -> done, or sent -> switched -> done, and from everywhere to done, by way of
 * `refusing` where plugins are asked about the error page. From `sent` it goes back to `connecting` once at most, with a
 * request that may be repeated. Whatever ends it, the client leaving included, ends it once. Plugins may hold it where it
 * begins, before `sent`, and at its response.
 */
export class Transaction implements RequestOwner, ReplyWatcher, TimedOwner {
  readonly #options: ForwarderOptions
  readonly #req: ClientRequest
  readonly #res: ClientReply
  readonly #target: RequestTarget
  readonly #startedAt: number
  readonly #hooks: TxnHooks | undefined = undefined
  readonly #origin: OriginRequest
  readonly #body: RequestBody
  readonly #answer: ClientResponse
  #phase: 'connecting' | 'sent' | 'responding' | 'switched' | 'refusing' | 'done' = 'connecting'
  #response: ResponseHead | undefined
  readonly #time: TransactionTime

  constructor(
    options: ForwarderOptions,
    points: TxnPoints | undefined,
    req: ClientRequest,
    res: ClientReply,
    target: RequestTarget,
    request: RequestHead,
    startedAt: number,
  ) {
    this.#options = options
    this.#req = req
    this.#res = res
    this.#target = target
    this.#time = new TransactionTime(req.client, options.current, this)
    this.#body = new RequestBody(req, this.#time.moved)
    this.#answer = new ClientResponse(req, res, options.current().via)
    this.#startedAt = startedAt
    if (points !== undefined) this.#hooks = TxnHooks.of(points, req.client, request.method, urlOf(target))
    this.#origin = new OriginRequest(options.connector, this, req, target, request, this.#body, this.#hooks)
  }

  /** @param requestOf the request as it leaves, of fields that plugins have changed */
  start(requestOf?: (raw: readonly string[]) => RequestHead): void {
    this.#res.watch(this)
    this.#time.begin()
    if (this.#hooks === undefined) return this.#origin.start()
    this.#hooks.begin()
    const { rawHeaders } = this.#req
    this.#hooks.readRequest(rawHeaders, (why, raw) => {
      if (why !== undefined) return this.fail(why)
      this.#origin.start(raw === rawHeaders ? undefined : requestOf?.(raw))
    })
  }

  onWaiting(): void {
    this.#phase = 'connecting'
    this.#time.stop()
  }

  onSending(): void {
    this.#phase = 'sent'
    this.#time.start()
  }

  onInterim(head: ResponseHead): void {
    this.#time.moved()
    if (!this.#answer.interim(head)) this.#origin.connection?.pause()
  }

  onHead(head: ResponseHead): void {
    this.begin(head, this.fieldsOf(head))
  }

  fieldsOf(head: ResponseHead): string[] {
    return this.#answer.fieldsOf(head, this.#origin.connection)
  }

  begin(head: ResponseHead, fields: string[]): void {
    this.#time.moved()
    this.#response = head
    this.#phase = 'responding'
    this.#answer.start(head, fields)
  }

  get isBlocked(): boolean {
    return this.#answer.isBlocked
  }

  parked(): void {
    this.#time.stop()
  }

  resumed(): void {
    this.#time.start()
  }

  onBody(bytes: Buffer): 'written' | 'kept' {
    this.#time.moved()
    if (!this.#answer.write(bytes)) this.#origin.connection?.pause()
    return this.#answer.holds(bytes) ? 'kept' : 'written'
  }

  onPartial(): void {
    if (this.#phase === 'responding') this.#answer.flush()
  }

  onComplete(trailers: readonly string[]): void {
    this.#origin.giveBack() // before the answer ends: the client's next request may follow at once, and takes it
    this.#answer.end(trailers)
    this.#finish(undefined)
  }

  onUpgrade(head: ResponseHead, link: Link, first: Buffer): void {
    this.#time.stop()
    this.#response = head
    try {
      if (!this.#req.isUpgrade) throw new ProxyError('PTC_INTERNAL', 'a 101 that could not be asked for')
      const { upgradeIdleTimeout } = this.#options.current()
      this.#phase = 'switched'
      this.#hooks?.over()
      const answer = this.#answer.interimText(head)
      switchProtocol(this.#req, answer, link, first, upgradeIdleTimeout, ({ bytesUp, bytesDown, cause }) => {
        this.#body.bytes = bytesUp
        this.#answer.bytes += bytesDown
        this.#finish(cause)
      })
      this.#res.statusCode = head.status
      this.#answer.bytes = first.length
    } catch (error) {
      link.destroy()
      this.fail(error)
    }
  }

  onDrain(): void {
    this.#time.moved()
    this.#body.resume()
  }

  onFail(error: ProxyError, sawResponse: boolean): void {
    const isUnseen = this.#phase === 'sent' && !sawResponse
    if (!isUnseen || !this.#origin.repeat(error)) this.fail(error)
  }

  onClientDrain(): void {
    this.#time.moved()
    this.#answer.isBlocked = false
    this.#origin.resume()
  }

  onClientBroken(error: Error): void {
    this.fail(error)
  }

  onClientGone(): void {
    if (this.#phase === 'done' || this.#phase === 'switched') return
    const gone = new ProxyError('PTC_CLIENT_GONE', 'the client left before it was answered')
    this.#origin.drop(gone)
    this.#finish(gone)
  }

  /** However busy it is, it ends in time; what is a tunnel by now has limits of its own. */
  onTooLong(limit: number): void {
    const text = `the request and its response took longer than ${limit} ms`
    if (this.#phase !== 'switched') this.fail(new ProxyError('PTC_ACTIVE_TIMEOUT', text))
  }

  /** @param isAsked whether plugins have been asked already about what goes to the client */
  fail(cause: unknown, isAsked = this.#phase === 'refusing'): void {
    if (this.#phase === 'done') return
    const error = toProxyError(cause, 'the transaction failed')
    this.#origin.drop(error)
    if (this.#answer.hasStarted) {
      this.#answer.cut()
      return this.#finish(error)
    }
    const page = this.#pageOf(error)
    if (this.#hooks === undefined || isAsked) return this.#refuse(error, page)
    this.#phase = 'refusing'
    this.#time.stop()
    this.#hooks.sendResponse(page.status, page.headers, this.#origin.connection?.channel, (why, headers) => {
      if (why === undefined) this.#refuse(error, { ...page, headers })
      else this.#refuse(why, this.#pageOf(why))
    })
  }

  #pageOf(error: ProxyError): Reply {
    return this.#answer.pageOf(error, this.#target.authority, this.#options.current().pages)
  }

  #refuse(error: ProxyError, page: Reply): void {
    this.#answer.refuse(page)
    this.#finish(error)
  }

  #finish(error: ProxyError | undefined): void {
    const { connection, sent, isReused } = this.#origin
    this.#phase = 'done'
    this.#time.over()
    this.#hooks?.over()
    this.#origin.forget()
    this.#options.onDone?.({
      req: this.#req,
      method: this.#req.method,
      url: effectiveUrl(this.#req),
      clientAddress: this.#req.client.remoteAddress,
      status: error?.code === 'PTC_CLIENT_GONE' && !this.#res.headersSent ? 0 : this.#res.statusCode,
      bytesUp: this.#body.bytes,
      bytesDown: this.#answer.bytes,
      milliseconds: performance.now() - this.#startedAt,
      isReused,
      error,
      channel: connection?.channel,
      sent,
      response: this.#response,
      hooked: this.#hooks,
    })
  }

  onIdle(limit: number): void {
    const late = (code: ErrorCode, what: string): void =>
      this.fail(new ProxyError(code, `${what} for ${limit} ms`))
    if (this.#answer.isBlocked) late('PTC_CLIENT_GONE', 'the client took nothing')
    else if (this.#body.isAwaited) late('PTC_REQUEST_TIMEOUT', 'the body stood still')
    else late('PTC_ORIGIN_TIMEOUT', 'the origin sent nothing')
  }
}
