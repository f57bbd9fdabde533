import type { IncomingMessage, ServerResponse } from 'node:http'
import { ProxyError } from '../base/errors.js'
import { IdleTimer } from '../base/idle-timer.js'
import type { Http1 } from '../origin/http1.js'
import type { RequestHead, ResponseHead, ResponseSink } from '../origin/messages.js'
import type { Link } from '../vconn/link.js'
import type { PumpResult } from '../vconn/pump.js'
import { ClientResponse } from './client-response.js'
import type { ForwarderOptions } from './forwarder-options.js'
import { isRepeatable } from './repeat.js'
import { toleratedStatus } from './replies.js'
import { RequestBody } from './request-body.js'
import type { RequestTarget } from './target.js'
import { upgradeOf } from './upgrade.js'

/**
 * One request and its response.
 *
 * Life: connecting -> sent -> responding -> done, or sent -> switched -> done, and from everywhere to done. From `sent`
 * it goes back to `connecting` once at most: when an idle connection turned out to be closed before any byte of a
 * response, and the request may be repeated. Whatever ends it, the client leaving included, ends it once.
 */
export class Transaction implements ResponseSink {
  readonly #options: ForwarderOptions
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #target: RequestTarget
  readonly #startedAt: number
  readonly #key: string
  readonly #request: RequestHead
  readonly #body: RequestBody
  readonly #answer: ClientResponse
  #phase: 'connecting' | 'sent' | 'responding' | 'switched' | 'done' = 'connecting'
  #connection: Http1 | undefined
  #response: ResponseHead | undefined
  #abort: AbortController | undefined
  readonly #timer: IdleTimer
  #hasRetried = false

  constructor(
    options: ForwarderOptions,
    req: IncomingMessage,
    res: ServerResponse,
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
    this.#answer = new ClientResponse(req, res, options.via, () => this.#onClientDrain())
    this.#startedAt = startedAt
    this.#timer = new IdleTimer(options.idleTimeout, () => this.#onIdle(options.idleTimeout))
    this.#key = options.connector.keyOf(target)
  }

  start(): void {
    this.#res.on('close', () => this.#onClientClose())
    this.#res.on('error', (error: Error) => this.#fail(error)) // the port says so of a body that is malformed
    const idle = this.#options.connector.reuse(this.#key)
    if (idle === undefined) this.#open()
    else this.#send(idle)
  }

  onInterim(head: ResponseHead): void {
    this.#timer.moved()
    this.#answer.interim(head)
  }

  onHead(head: ResponseHead): void {
    this.#timer.moved()
    this.#response = head
    this.#phase = 'responding'
    const peer = this.#connection?.channel.peer
    this.#answer.start(
      head,
      peer === undefined || peer.tolerated.length === 0 ? undefined : toleratedStatus(peer),
    )
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
    this.#answer.end(trailers)
    this.#finish(undefined)
    if (connection !== undefined) this.#options.connector.release(this.#key, connection)
  }

  onUpgrade(head: ResponseHead, link: Link, first: Buffer): void {
    this.#timer.stop()
    this.#response = head
    const upgrade = upgradeOf(this.#req)
    try {
      if (upgrade === undefined) throw new ProxyError('PTC_INTERNAL', 'a 101 that could not be asked for')
      const onDone = (result: PumpResult): void => this.#onTunnelDone(result)
      upgrade.switchTo(this.#answer.interimText(head), link, first, this.#options.upgradeIdleTimeout, onDone)
      this.#phase = 'switched'
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
    this.#options.connector.open(this.#target, abort.signal).then(
      connection => this.#onOpen(connection),
      (error: unknown) => this.#fail(error),
    )
  }

  #onOpen(connection: Http1): void {
    this.#abort = undefined
    if (this.#phase === 'done') this.#options.connector.release(this.#key, connection)
    else this.#send(connection)
  }

  #send(connection: Http1): void {
    const request = this.#request
    this.#phase = 'sent'
    this.#connection = connection
    try {
      this.#options.onSend?.(request.method, this.#url(), connection.channel)
      connection.send(request, this)
      this.#timer.start()
      if (request.body !== 'none' && request.body !== 0) this.#body.relayTo(connection)
    } catch (error) {
      this.#fail(error)
    }
  }

  #onClientDrain(): void {
    this.#timer.moved()
    this.#connection?.resume()
  }

  #onClientClose(): void {
    if (this.#phase === 'done' || this.#phase === 'switched') return
    const gone = new ProxyError('PTC_CLIENT_GONE', 'the client left before it was answered')
    this.#drop(gone)
    this.#finish(gone)
  }

  /** Its time is up; what is a tunnel by now has limits of its own. */
  expire(error: ProxyError): void {
    if (this.#phase !== 'switched') this.#fail(error)
  }

  #fail(cause: unknown): void {
    if (this.#phase === 'done') return
    const failed = 'the transaction failed'
    const error = cause instanceof ProxyError ? cause : new ProxyError('PTC_INTERNAL', failed, { cause })
    this.#drop(error)
    this.#answer.fail(error, this.#target.authority, this.#options.pages?.())
    this.#finish(error)
  }

  #onTunnelDone({ bytesUp, bytesDown, cause }: PumpResult): void {
    this.#body.bytes = bytesUp
    this.#answer.bytes += bytesDown
    this.#finish(cause)
  }

  /** Lets go of the origin's side: the connection, or the attempt to have one. */
  #drop(cause: ProxyError): void {
    this.#abort?.abort(cause)
    this.#connection?.close(cause)
  }

  #finish(error: ProxyError | undefined): void {
    const connection = this.#connection
    this.#phase = 'done'
    this.#timer.stop()
    this.#connection = undefined
    this.#body.abandon(this.#res)
    this.#options.onDone?.({
      req: this.#req,
      method: this.#req.method ?? '',
      url: this.#req.url ?? '',
      clientAddress: this.#req.socket.remoteAddress,
      status: error?.code === 'PTC_CLIENT_GONE' && !this.#res.headersSent ? 0 : this.#res.statusCode,
      bytesUp: this.#body.bytes,
      bytesDown: this.#answer.bytes,
      milliseconds: performance.now() - this.#startedAt,
      isReused: (connection?.requests ?? 0) > 1,
      error,
      channel: connection?.channel,
      sent: connection === undefined ? undefined : this.#request,
      response: this.#response,
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
