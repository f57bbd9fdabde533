/**
 * Longer than 250 lines because whatever can end a request, on any side and in any phase, meets in one place.
 */
import { ProxyError } from '../base/errors.js'
import { IdleTimer } from '../base/idle-timer.js'
import type { Http1 } from '../origin/http1.js'
import type { RequestHead, ResponseHead, ResponseSink } from '../origin/messages.js'
import type { Link } from '../vconn/link.js'
import type { PumpResult } from '../vconn/pump.js'
import type { ClientReply, ReplyWatcher } from './client-reply.js'
import type { ClientRequest } from './client-request.js'
import { ClientResponse } from './client-response.js'
import type { ForwarderOptions } from './forwarder-options.js'
import { HeldResponse, type HeldSink } from './held-response.js'
import { isRepeatable } from './repeat.js'
import { type Reply, toleratedStatus } from './replies.js'
import { RequestBody } from './request-body.js'
import type { RequestTarget } from './target.js'
import { TxnHooks, type TxnPoints } from './transaction-hooks.js'
import { switchProtocol } from './upgrade.js'

/**
 * One request and its response.
 *
 * Life: connecting -> sent -> responding -> done, or sent -> switched -> done, and from everywhere to done, by way of
 * `refusing` where plugins are asked about the error page. From `sent` it goes back to `connecting` once at most: when an
 * idle connection turned out to be closed before any byte of a response, and the request may be repeated. Whatever ends
 * it, the client leaving included, ends it once. Plugins may hold it where it begins, before `sent`, and at its response.
 */
export class Transaction implements HeldSink, ReplyWatcher {
  readonly #options: ForwarderOptions
  readonly #req: ClientRequest
  readonly #res: ClientReply
  readonly #target: RequestTarget
  readonly #startedAt: number
  readonly #key: string
  readonly #hooks: TxnHooks | undefined = undefined
  /** As it came, but for what plugins have changed where it came in. */
  #request: RequestHead
  /** As it was sent. */
  #sent: RequestHead | undefined
  readonly #body: RequestBody
  readonly #answer: ClientResponse
  #phase: 'connecting' | 'sent' | 'responding' | 'switched' | 'refusing' | 'done' = 'connecting'
  /** A connection on which nothing has been sent yet, because plugins look at what is to be sent. */
  #ready: Http1 | undefined
  #held: HeldResponse | undefined
  #connection: Http1 | undefined
  #response: ResponseHead | undefined
  #abort: AbortController | undefined
  readonly #timer: IdleTimer
  #hasRetried = false
  /** The connection had served before. */
  #isReused = false

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
    this.#request = request
    this.#body = new RequestBody(req, () => this.#timer.moved())
    this.#answer = new ClientResponse(req, res, options.via)
    this.#startedAt = startedAt
    this.#timer = new IdleTimer(options.idleTimeout, () => this.#onIdle(options.idleTimeout))
    this.#key = options.connector.keyOf(target)
    if (points !== undefined) this.#hooks = TxnHooks.of(points, req.client, request.method, this.#url())
  }

  /** @param requestOf the request as it leaves, of fields that plugins have changed */
  start(requestOf?: (raw: readonly string[]) => RequestHead): void {
    this.#res.watch(this)
    if (this.#hooks === undefined) return this.#connect()
    const { rawHeaders } = this.#req
    this.#hooks.readRequest(rawHeaders, (why, raw) => {
      if (why !== undefined) return this.#fail(why)
      if (raw !== rawHeaders && requestOf !== undefined) this.#request = requestOf(raw)
      this.#connect()
    })
  }

  #connect(): void {
    const idle = this.#options.connector.reuse(this.#key)
    if (idle === undefined) this.#open()
    else this.#send(idle)
  }

  onInterim(head: ResponseHead): void {
    this.#timer.moved()
    this.#answer.interim(head)
  }

  onHead(head: ResponseHead): void {
    this.begin(head, this.fieldsOf(head))
  }

  fieldsOf(head: ResponseHead): string[] {
    const peer = this.#connection?.channel.peer
    const hasStatus = peer !== undefined && peer.tolerated.length > 0
    return this.#answer.fieldsOf(head, hasStatus ? toleratedStatus(peer) : undefined)
  }

  begin(head: ResponseHead, fields: string[]): void {
    this.#timer.moved()
    this.#response = head
    this.#phase = 'responding'
    this.#answer.start(head, fields)
  }

  refuse(why: ProxyError, isAsked: boolean): void {
    this.#fail(why, isAsked)
  }

  get isBlocked(): boolean {
    return this.#answer.isBlocked
  }

  parked(): void {
    this.#timer.stop()
  }

  resumed(): void {
    this.#timer.start()
  }

  onBody(bytes: Buffer): 'written' | 'kept' {
    this.#timer.moved()
    if (!this.#answer.write(bytes)) this.#connection?.pause()
    return this.#answer.holdsBytes ? 'kept' : 'written'
  }

  onPartial(): void {
    if (this.#phase === 'responding') this.#answer.flush()
  }

  onComplete(trailers: readonly string[]): void {
    const connection = this.#connection
    // Before the answer ends: the client's next request may follow at once, and takes it.
    if (connection !== undefined) this.#options.connector.release(this.#key, connection)
    this.#answer.end(trailers)
    this.#finish(undefined)
  }

  onUpgrade(head: ResponseHead, link: Link, first: Buffer): void {
    this.#timer.stop()
    this.#response = head
    try {
      if (!this.#req.isUpgrade) throw new ProxyError('PTC_INTERNAL', 'a 101 that could not be asked for')
      const { upgradeIdleTimeout } = this.#options
      this.#phase = 'switched'
      switchProtocol(this.#req, this.#answer.interimText(head), link, first, upgradeIdleTimeout, result =>
        this.#onTunnelDone(result),
      )
      this.#res.statusCode = head.status
      this.#answer.bytes = first.length
    } catch (error) {
      link.destroy()
      this.#fail(error)
    }
  }

  onDrain(): void {
    this.#timer.moved()
    this.#body.resume()
  }

  onFail(error: ProxyError, sawResponse: boolean): void {
    if (!this.#mayRepeat(error, sawResponse)) {
      this.#fail(error)
      return
    }
    this.#hasRetried = true
    this.#phase = 'connecting'
    this.#connection = undefined
    this.#open()
  }

  /** Only what failed on a connection that had served before, and was closed before it could have seen the request. */
  #mayRepeat(error: ProxyError, sawResponse: boolean): boolean {
    return (
      this.#phase === 'sent' &&
      !sawResponse &&
      !this.#hasRetried &&
      error.code === 'PTC_ORIGIN_CLOSED' &&
      (this.#connection?.requests ?? 0) > 1 &&
      isRepeatable(this.#request)
    )
  }

  #open(): void {
    this.#timer.stop()
    const abort = new AbortController()
    this.#abort = abort
    const isWanted = (): boolean => this.#abort === abort
    this.#options.connector.open(this.#target, abort.signal).then(
      connection => this.#onOpen(connection, isWanted()),
      (error: unknown) => {
        if (isWanted()) this.#fail(error)
      },
    )
  }

  #onOpen(connection: Http1, isWanted: boolean): void {
    if (!isWanted) return this.#options.connector.release(this.#key, connection)
    this.#abort = undefined
    this.#send(connection)
  }

  #send(connection: Http1): void {
    const hooks = this.#hooks
    if (hooks === undefined) return this.#dispatch(connection, this.#request, this)
    const { headers } = this.#request
    this.#ready = connection
    this.#timer.stop()
    connection.keep({ lost: () => this.#onLost(connection) })
    try {
      hooks.sendRequest(headers, connection.channel, (why, changed) => {
        if (why !== undefined) return this.#fail(why)
        this.#ready = undefined
        if (hooks.looksAtResponses) this.#held = new HeldResponse(this, hooks, connection)
        const request = changed === headers ? this.#request : { ...this.#request, headers: changed }
        this.#dispatch(connection, request, this.#held ?? this)
      })
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The origin has left while plugins looked at the request. Of a connection that had served before that is no news. */
  #onLost(connection: Http1): void {
    this.#ready = undefined
    this.#hooks?.abandon()
    const error = new ProxyError(
      'PTC_ORIGIN_CLOSED',
      'the origin left while a plugin was asked about the request',
    )
    if (connection.requests === 0 || this.#hasRetried) return this.#fail(error)
    this.#hasRetried = true
    this.#open()
  }

  #dispatch(connection: Http1, request: RequestHead, sink: ResponseSink): void {
    this.#phase = 'sent'
    this.#connection = connection
    this.#sent = request
    try {
      connection.send(request, sink)
      this.#isReused = connection.requests > 1
      this.#timer.start()
      if (request.body !== 'none' && request.body !== 0) this.#body.relayTo(connection)
    } catch (error) {
      this.#fail(error)
    }
  }

  onClientDrain(): void {
    this.#timer.moved()
    this.#answer.isBlocked = false
    this.#connection?.resume()
  }

  onClientBroken(error: Error): void {
    this.#fail(error)
  }

  onClientGone(): void {
    if (this.#phase === 'done' || this.#phase === 'switched') return
    const gone = new ProxyError('PTC_CLIENT_GONE', 'the client left before it was answered')
    this.#drop(gone)
    this.#finish(gone)
  }

  /** Its time is up; what is a tunnel by now has limits of its own. */
  expire(error: ProxyError): void {
    if (this.#phase !== 'switched') this.#fail(error)
  }

  /** @param isAsked whether plugins have been asked already about what goes to the client */
  #fail(cause: unknown, isAsked = this.#phase === 'refusing'): void {
    if (this.#phase === 'done') return
    const failed = 'the transaction failed'
    const error = cause instanceof ProxyError ? cause : new ProxyError('PTC_INTERNAL', failed, { cause })
    this.#drop(error)
    if (this.#answer.hasStarted) {
      this.#answer.cut()
      return this.#finish(error)
    }
    const page = this.#pageOf(error)
    if (this.#hooks === undefined || isAsked) return this.#refuse(error, page)
    this.#phase = 'refusing'
    this.#timer.stop()
    this.#hooks.sendResponse(page.status, page.headers, this.#connection?.channel, (why, headers) => {
      if (why === undefined) this.#refuse(error, { ...page, headers })
      else this.#refuse(why, this.#pageOf(why))
    })
  }

  #pageOf(error: ProxyError): Reply {
    return this.#answer.pageOf(error, this.#target.authority, this.#options.pages?.())
  }

  #refuse(error: ProxyError, page: Reply): void {
    this.#answer.refuse(page)
    this.#finish(error)
  }

  #onTunnelDone({ bytesUp, bytesDown, cause }: PumpResult): void {
    this.#body.bytes = bytesUp
    this.#answer.bytes += bytesDown
    this.#finish(cause)
  }

  /** Lets go of the origin's side: the connection, or the attempt to have one. */
  #drop(cause: ProxyError): void {
    const abort = this.#abort
    this.#abort = undefined
    abort?.abort(cause)
    this.#hooks?.abandon()
    this.#held?.abandon()
    this.#connection?.close(cause)
    const ready = this.#ready
    this.#ready = undefined
    if (ready !== undefined) this.#options.connector.release(this.#key, ready)
  }

  #finish(error: ProxyError | undefined): void {
    const connection = this.#connection
    this.#phase = 'done'
    this.#timer.stop()
    this.#connection = undefined
    this.#body.abandon()
    this.#options.onDone?.({
      req: this.#req,
      method: this.#req.method,
      url: this.#req.url,
      clientAddress: this.#req.client.remoteAddress,
      status: error?.code === 'PTC_CLIENT_GONE' && !this.#res.headersSent ? 0 : this.#res.statusCode,
      bytesUp: this.#body.bytes,
      bytesDown: this.#answer.bytes,
      milliseconds: performance.now() - this.#startedAt,
      isReused: this.#isReused,
      error,
      channel: connection?.channel,
      sent: connection === undefined ? undefined : this.#sent,
      response: this.#response,
      hooked: this.#hooks,
    })
  }

  #onIdle(idleTimeout: number): void {
    if (this.#answer.isBlocked)
      this.#fail(new ProxyError('PTC_CLIENT_GONE', `the client took nothing for ${idleTimeout} ms`))
    else if (this.#body.isAwaited)
      this.#fail(new ProxyError('PTC_REQUEST_TIMEOUT', `the body stood still for ${idleTimeout} ms`))
    else this.#fail(new ProxyError('PTC_ORIGIN_TIMEOUT', `the origin sent nothing for ${idleTimeout} ms`))
  }

  #url(): string {
    const { scheme, authority, path } = this.#target
    return `${scheme}://${authority}${path === '*' ? '' : path}`
  }
}
