import type { IncomingMessage, ServerResponse } from 'node:http'
import { ProxyError } from '../base/errors.js'
import { IdleTimer } from '../base/idle-timer.js'
import type { Http1 } from '../origin/http1.js'
import type { RequestHead, ResponseHead, ResponseSink } from '../origin/messages.js'
import { interimText, pairs } from './field-lists.js'
import type { ForwarderOptions } from './forwarder-options.js'
import { responseFields, trailerFields } from './headers.js'
import { outgoingRequest } from './outgoing.js'
import { errorReply, sendReply, toleratedStatus } from './replies.js'
import type { RequestTarget } from './target.js'

/** RFC 9110 section 9.2.2, those without a body. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'DELETE', 'PUT'])

/**
 * One request and its response.
 *
 * Life: connecting -> sent -> responding -> done, and from everywhere to done. From `sent` it goes back to `connecting`
 * once at most: when an idle connection turned out to be closed before any byte of a response, and the request may be
 * repeated. Whatever ends it, the client leaving included, ends it once.
 */
export class Transaction implements ResponseSink {
  readonly #options: ForwarderOptions
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #target: RequestTarget
  readonly #startedAt: number
  readonly #key: string
  #phase: 'connecting' | 'sent' | 'responding' | 'done' = 'connecting'
  #request: RequestHead | undefined
  #connection: Http1 | undefined
  #response: ResponseHead | undefined
  #abort: AbortController | undefined
  readonly #timer: IdleTimer
  #hasRetried = false
  #isFlushed = false
  #awaitsClient = false
  #listensForDrain = false
  #bytesUp = 0
  #bytesDown = 0

  constructor(
    options: ForwarderOptions,
    req: IncomingMessage,
    res: ServerResponse,
    target: RequestTarget,
    startedAt: number,
  ) {
    this.#options = options
    this.#req = req
    this.#res = res
    this.#target = target
    this.#startedAt = startedAt
    this.#timer = new IdleTimer(options.idleTimeout, () => this.#onIdle(options.idleTimeout))
    this.#key = options.connector.keyOf(target)
  }

  /** @throws {ProxyError} when the request cannot be passed on as it is */
  start(): void {
    const request = outgoingRequest(this.#req, this.#target, this.#via())
    this.#request = request
    this.#res.on('close', () => this.#onClientClose())
    const idle = this.#options.connector.reuse(this.#key)
    if (idle === undefined) this.#open()
    else this.#send(idle)
  }

  onInterim(head: ResponseHead): void {
    this.#timer.moved()
    const { httpVersion, headers } = this.#req
    if (httpVersion !== '1.1' || (head.status === 100 && headers.expect === undefined)) return
    if (head.status === 100) this.#res.writeContinue()
    else this.#res.socket?.write(interimText(head, this.#via()), 'latin1')
  }

  onHead(head: ResponseHead): void {
    this.#timer.moved()
    this.#response = head
    const { status, reason, headers } = head
    this.#phase = 'responding'
    const isChunked = this.#req.httpVersion === '1.1' && this.#req.method !== 'HEAD'
    const fields = responseFields(headers, status, isChunked, this.#via())
    const peer = this.#connection?.channel.peer
    if (peer !== undefined && peer.tolerated.length > 0) fields.push('Proxy-Status', toleratedStatus(peer))
    this.#res.writeHead(status, reason, fields)
  }

  onBody(bytes: Buffer): void {
    this.#timer.moved()
    this.#bytesDown += bytes.length
    this.#isFlushed = true
    if (this.#res.write(bytes)) return
    this.#awaitsClient = true
    this.#connection?.pause()
    if (this.#listensForDrain) return
    this.#listensForDrain = true
    this.#res.on('drain', () => this.#onClientDrain())
  }

  onPartial(): void {
    if (this.#isFlushed || this.#phase !== 'responding') return
    this.#isFlushed = true
    this.#res.flushHeaders()
  }

  onComplete(trailers: readonly string[]): void {
    const connection = this.#connection
    if (trailers.length > 0 && this.#res.chunkedEncoding)
      this.#res.addTrailers(pairs(trailerFields(trailers)))
    this.#res.end()
    this.#finish(undefined)
    if (connection !== undefined) this.#options.connector.release(this.#key, connection)
  }

  onUpgrade(): void {
    this.#fail(new ProxyError('PTC_RESPONSE_MALFORMED', 'a 101 that nobody asked for'))
  }

  onDrain(): void {
    this.#timer.moved()
    this.#req.resume()
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
      this.#request?.body === 'none' &&
      REPEATABLE.has(this.#request.method)
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
    if (request === undefined) return
    this.#phase = 'sent'
    this.#connection = connection
    try {
      this.#options.onSend?.(request.method, this.#url(), connection.channel)
      connection.send(request, this)
      this.#timer.start()
      if (request.body !== 'none') this.#relayBody(connection)
    } catch (error) {
      this.#fail(error)
    }
  }

  #relayBody(connection: Http1): void {
    this.#req.on('data', (bytes: Buffer) => {
      this.#timer.moved()
      this.#bytesUp += bytes.length
      if (this.#phase !== 'done' && !connection.writeBody(bytes)) this.#req.pause()
    })
    this.#req.on('end', () => {
      if (this.#phase !== 'done') connection.endBody(trailerFields(this.#req.rawTrailers))
    })
  }

  #onClientDrain(): void {
    this.#timer.moved()
    this.#awaitsClient = false
    this.#connection?.resume()
  }

  #onClientClose(): void {
    if (this.#phase === 'done') return
    const gone = new ProxyError('PTC_CLIENT_GONE', 'the client left before it was answered')
    this.#drop(gone)
    this.#finish(gone)
  }

  #fail(cause: unknown): void {
    if (this.#phase === 'done') return
    const error =
      cause instanceof ProxyError
        ? cause
        : new ProxyError('PTC_INTERNAL', 'the transaction failed', { cause })
    this.#drop(error)
    const res = this.#res
    if (!res.headersSent) {
      const reply = errorReply(error, { host: this.#target.authority }, this.#req.headers)
      if (this.#req.method !== 'HEAD') this.#bytesDown = reply.body.length
      sendReply(res, reply)
    } else if (this.#req.httpVersion === '1.1') res.destroy()
    else res.socket?.resetAndDestroy() // a body that lasts until the end: a plain end would pass for completeness
    this.#finish(error)
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
    this.#options.onDone?.({
      req: this.#req,
      method: this.#req.method ?? '',
      url: this.#req.url ?? '',
      clientAddress: this.#req.socket.remoteAddress,
      status: error?.code === 'PTC_CLIENT_GONE' && !this.#res.headersSent ? 0 : this.#res.statusCode,
      bytesUp: this.#bytesUp,
      bytesDown: this.#bytesDown,
      milliseconds: performance.now() - this.#startedAt,
      isReused: (connection?.requests ?? 0) > 1,
      error,
      channel: connection?.channel,
      sent: connection === undefined ? undefined : this.#request,
      response: this.#response,
    })
  }

  #onIdle(idleTimeout: number): void {
    const awaitsBody = this.#request?.body !== 'none' && !this.#req.complete && !this.#req.isPaused()
    if (this.#awaitsClient)
      this.#fail(new ProxyError('PTC_CLIENT_GONE', `the client took nothing for ${idleTimeout} ms`))
    else if (awaitsBody)
      this.#fail(new ProxyError('PTC_REQUEST_TIMEOUT', `the body stood still for ${idleTimeout} ms`))
    else this.#fail(new ProxyError('PTC_ORIGIN_TIMEOUT', `the origin sent nothing for ${idleTimeout} ms`))
  }

  #via(): string {
    return `${this.#req.httpVersion} ${this.#options.viaName}`
  }

  #url(): string {
    const { scheme, authority, path } = this.#target
    return `${scheme}://${authority}${path === '*' ? '' : path}`
  }
}
