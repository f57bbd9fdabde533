// Longer than 250 lines because the phases of a transaction, and all events that change them, are one concept.

import type { Current } from '../../base/current.js'
import { toProxyError } from '../../base/edge.js'
import { type ErrorCode, ProxyError } from '../../base/errors.js'
import type { FairQueue } from '../../base/fair-queue.js'
import { trailerFields } from '../../http1/headers.js'
import type { RequestHead, ResponseHead } from '../../http1/messages.js'
import type { OriginConnector } from '../../origin/connect.js'
import type { Link } from '../../vconn/link.js'
import { pump } from '../../vconn/pump.js'
import { RewindLink } from '../../vconn/rewind-link.js'
import type { ClientReply, ReplyWatcher } from '../listener/client-reply.js'
import type { ClientRequest } from '../listener/client-request.js'
import type { OpenTunnels, TunnelLogin } from '../listener/open-tunnels.js'
import { errorReply, type Reply, sendReply } from '../pages/replies.js'
import type { Pages } from '../pages/templates.js'
import type { ClientFieldSettings } from './client-fields.js'
import { TxnHooks, type TxnPoints } from './hooks.js'
import { OriginRequest, type RequestOwner } from './origin-request.js'
import { outgoingFields, type Via, withoutAlternatives } from './outgoing.js'
import type { Summary } from './summary.js'
import { effectiveUrl, type RequestTarget, urlOf } from './target.js'
import { type TimedOwner, type TimeLimits, TransactionTime } from './transaction-time.js'

export interface ForwarderOptions {
  readonly connector: OriginConnector
  /** Shares the processor between handshakes. While handshakes wait for their slots, requests wait for theirs. */
  readonly queue?: FairQueue
  readonly current: Current<ForwarderSettings>
  /** Where the switched protocols are kept that a reload may cut. */
  readonly tunnels?: OpenTunnels
  /** Called exactly once per request, when it is over. */
  readonly onDone?: (summary: Summary) => void
}

/** What a reload may change. */
export interface ForwarderSettings extends TimeLimits {
  readonly via: Via
  /** What origins learn of clients; nothing is changed without it. */
  readonly clientFields?: ClientFieldSettings | undefined
  /** proxy.config.http.alt_svc `strip`. */
  readonly hidesAlternatives?: boolean
  /** Milliseconds without a byte in either direction after which a connection with a switched protocol is closed. */
  readonly upgradeIdleTimeout: number
  /** The operator's error pages. */
  readonly pages?: Pages
  /** The plugins on transactions; undefined where there are none. */
  readonly hooks?: TxnPoints | undefined
}

/**
 * One request and its response.
 *
 * Life: connecting -> sent -> responding -> done, or sent -> switched -> done. Every phase may go to done, through
 * `refusing` where plugins are asked about the error page. `sent` goes back to `connecting` at most once, with a request
 * that may be repeated. Every end, the client leaving included, ends it once. Plugins may hold it at its begin, before
 * `sent`, and at its response.
 */
export class Transaction implements RequestOwner, ReplyWatcher, TimedOwner {
  readonly #options: ForwarderOptions
  readonly #req: ClientRequest
  readonly #res: ClientReply
  readonly #target: RequestTarget
  readonly #startedAt: number
  readonly #hooks: TxnHooks | undefined = undefined
  readonly #origin: OriginRequest
  readonly #time: TransactionTime
  /** For a protocol that is switched. */
  readonly #login: TunnelLogin | undefined
  readonly moved: () => void
  #phase: 'connecting' | 'sent' | 'responding' | 'switched' | 'refusing' | 'done' = 'connecting'
  #response: ResponseHead | undefined
  /** After a switch of protocol, in each direction. */
  #switchedUp = 0
  #switchedDown = 0

  constructor(
    options: ForwarderOptions,
    points: TxnPoints | undefined,
    req: ClientRequest,
    res: ClientReply,
    target: RequestTarget,
    request: RequestHead,
    startedAt: number,
    login: TunnelLogin | undefined,
  ) {
    this.#options = options
    this.#req = req
    this.#res = res
    this.#target = target
    this.#time = new TransactionTime(req.clocks, options.current, this)
    this.moved = this.#time.moved
    this.#startedAt = startedAt
    this.#login = login
    if (points !== undefined) this.#hooks = TxnHooks.of(points, req, request.method, urlOf(target))
    this.#origin = new OriginRequest(options.connector, this, req, target, request, this.#hooks)
  }

  /** @param requestOf the request as it is sent, from fields that plugins have changed */
  start(requestOf?: (raw: readonly string[]) => RequestHead): void {
    this.#res.watch(this)
    this.#time.begin()
    if (this.#hooks === undefined) return this.#origin.start()
    this.#hooks.begin()
    const { shownHeaders } = this.#req
    this.#hooks.readRequest(shownHeaders, (why, raw) => {
      if (why !== undefined) return this.fail(why)
      this.#origin.start(raw === shownHeaders ? undefined : requestOf?.(raw))
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
    const shown = this.#shown(head)
    if (!this.#res.writeInterim(shown, this.#options.current().via.ofResponse(head.version)))
      this.#origin.connection?.pause()
    this.moved()
  }

  /** The part of a response that its origin may say to the client. */
  #shown(head: ResponseHead): ResponseHead {
    const headers = this.#allowed(head.headers)
    return headers === head.headers ? head : { ...head, headers } // seldom
  }

  #allowed(fields: readonly string[]): readonly string[] {
    return this.#options.current().hidesAlternatives ? withoutAlternatives(fields) : fields
  }

  onHead(head: ResponseHead): void {
    this.begin(head, this.fieldsOf(head))
  }

  fieldsOf(head: ResponseHead): string[] {
    const { via, clientFields, pages } = this.#options.current()
    return outgoingFields(this.#req, this.#shown(head), this.#origin.connection, via, clientFields, pages)
  }

  begin(head: ResponseHead, fields: string[]): void {
    this.moved()
    this.#response = head
    this.#phase = 'responding'
    this.#res.writeHead(head.status, head.reason, fields, head.isWhole)
  }

  get waitsForClient(): boolean {
    return this.#res.isBlocked || this.#origin.isBodyAwaited
  }

  get isBlocked(): boolean {
    return this.#res.isBlocked
  }

  parked(): void {
    this.#time.stop()
  }

  resumed(): void {
    this.#time.start()
  }

  onBody(bytes: Buffer): 'written' | 'held' {
    if (!this.#res.write(bytes)) this.#origin.connection?.pause()
    this.moved()
    return this.#res.holds(bytes) ? 'held' : 'written'
  }

  onPartial(): void {
    if (this.#phase === 'responding') this.#res.flush()
  }

  onComplete(trailers: readonly string[]): void {
    this.#origin.giveBack() // before the reply ends: the client's next request may follow at once, and takes it
    this.#res.end(trailers.length > 0 ? trailerFields(this.#allowed(trailers)) : trailers)
    this.#finish(undefined)
  }

  onUpgrade(head: ResponseHead, origin: Link, first: Buffer): void {
    this.#time.stop()
    this.#response = head
    try {
      const refusal = this.#login?.judge()
      // A token takes a moment: the tunnel is cut then.
      if (refusal instanceof ProxyError) throw refusal
      if (!this.#req.isUpgrade) throw new ProxyError('PTC_INTERNAL', 'a 101 that could not be asked for')
      const begin = this.#res.switched(
        this.#shown(head),
        this.#options.current().via.ofResponse(head.version),
      )
      this.#phase = 'switched'
      this.#hooks?.over()
      this.#switchedDown = first.length
      const { link: client, early } = this.#req.takeOver()
      client.write(Buffer.concat([begin, first]))
      const leave = this.#login?.open(why => client.destroy(why))
      pump(new RewindLink(client, early), origin, this.#options.current().upgradeIdleTimeout, result => {
        leave?.()
        this.#switchedUp = result.bytesUp
        this.#switchedDown += result.bytesDown
        this.#finish(result.cause)
      })
      client.resume()
      origin.resume()
    } catch (error) {
      origin.destroy()
      this.fail(error)
    }
  }

  onDrain(): void {
    this.#origin.resumeBody()
    this.moved()
  }

  onFail(error: ProxyError, sawResponse: boolean): void {
    const isUnseen = this.#phase === 'sent' && !sawResponse
    if (!isUnseen || !this.#origin.repeat(error)) this.fail(error)
  }

  onClientDrain(): void {
    this.moved()
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

  /** Ends the transaction although bytes move. A switched protocol has limits of its own. */
  onTooLong(limit: number): void {
    const text = `the request and its response took longer than ${limit} ms`
    if (this.#phase !== 'switched') this.fail(new ProxyError('PTC_ACTIVE_TIMEOUT', text))
  }

  onIdle(limit: number): void {
    const late = (code: ErrorCode, what: string): void =>
      this.fail(new ProxyError(code, `${what} for ${limit} ms`))
    if (this.#res.isBlocked) late('PTC_CLIENT_GONE', 'the client took nothing')
    else if (this.#origin.isBodyAwaited) late('PTC_REQUEST_TIMEOUT', 'the body stood still')
    else late('PTC_ORIGIN_TIMEOUT', 'the origin sent nothing')
  }

  /** @param isAsked whether plugins were already asked about the response to the client */
  fail(cause: unknown, isAsked = this.#phase === 'refusing'): void {
    if (this.#phase === 'done') return
    const error = toProxyError(cause, 'the transaction failed')
    this.#origin.drop(error)
    const hadHead = this.#res.headersSent
    if (hadHead && !this.#res.takeBack()) {
      this.#res.cut()
      return this.#finish(error)
    }
    const page = this.#pageOf(error)
    if (this.#hooks === undefined || isAsked || hadHead) return this.#refuse(error, page)
    this.#phase = 'refusing'
    this.#time.stop()
    this.#hooks.sendResponse(page.status, page.headers, this.#origin.connection?.channel, (why, headers) => {
      if (why === undefined)
        this.#refuse(error, { ...page, headers }) // seldom
      else this.#refuse(why, this.#pageOf(why))
    })
  }

  #pageOf(error: ProxyError): Reply {
    const about = { host: this.#target.authority }
    return errorReply(error, about, this.#req.headers, this.#options.current().pages)
  }

  #refuse(error: ProxyError, page: Reply): void {
    sendReply(this.#res, page)
    this.#finish(error)
  }

  #finish(error: ProxyError | undefined): void {
    const { connection, sent, isReused, bytes } = this.#origin
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
      bytesUp: bytes + this.#switchedUp,
      bytesDown: this.#res.bodyBytes + this.#switchedDown,
      milliseconds: performance.now() - this.#startedAt,
      isReused,
      error,
      channel: connection?.channel,
      sent,
      response: this.#response,
      hooked: this.#hooks,
    })
  }
}
