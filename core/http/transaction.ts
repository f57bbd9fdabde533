import type { IncomingMessage, ServerResponse } from 'node:http'
import { ProxyError } from '../base/errors.js'
import type { Http1, RequestHead, ResponseHead, ResponseSink } from '../origin/http1.js'
import type { ForwarderOptions } from './forward.js'
import { requestFields, responseFields, scan, trailerFields } from './headers.js'
import { errorReply, sendReply } from './replies.js'
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
  #abort: AbortController | undefined
  #timer: NodeJS.Timeout | undefined
  #movedAt = 0
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
    this.#key = options.connector.keyOf(target)
  }

  /** @throws {ProxyError} when the request cannot be passed on as it is */
  start(): void {
    const request = this.#outgoing()
    this.#request = request
    this.#res.on('close', () => this.#onClientClose())
    const idle = this.#options.connector.reuse(this.#key)
    if (idle === undefined) this.#open()
    else this.#send(idle)
  }

  onInterim(head: ResponseHead): void {
    this.#moved()
    const { httpVersion, headers } = this.#req
    if (httpVersion !== '1.1' || (head.status === 100 && headers.expect === undefined)) return
    if (head.status === 100) this.#res.writeContinue()
    else this.#res.socket?.write(interimText(head, this.#via()), 'latin1')
  }

  onHead({ status, reason, headers }: ResponseHead): void {
    this.#moved()
    this.#phase = 'responding'
    const isChunked = this.#req.httpVersion === '1.1' && this.#req.method !== 'HEAD'
    this.#res.writeHead(status, reason, responseFields(headers, status, isChunked, this.#via()))
  }

  onBody(bytes: Buffer): void {
    this.#moved()
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
    this.#moved()
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

  #outgoing(): RequestHead {
    const { method = '', rawHeaders, httpVersion } = this.#req
    const scanned = scan(rawHeaders)
    const { framing } = scanned
    if (framing === 'unusable') {
      throw new ProxyError('PTC_NOT_IMPLEMENTED', 'the request has a transfer coding other than chunked')
    }
    if (framing === 'chunked' && httpVersion !== '1.1') {
      throw new ProxyError('PTC_REQUEST_MALFORMED', 'a chunked request in HTTP/1.0') // RFC 9112 section 6.1
    }
    const headers = requestFields(rawHeaders, scanned, this.#target.authority, this.#via())
    return { method, path: this.#target.path, headers, body: framing }
  }

  #open(): void {
    this.#stopTimer()
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
      this.#startTimer()
      if (request.body !== 'none') this.#relayBody(connection)
    } catch (error) {
      this.#fail(error)
    }
  }

  #relayBody(connection: Http1): void {
    this.#req.on('data', (bytes: Buffer) => {
      this.#moved()
      this.#bytesUp += bytes.length
      if (this.#phase !== 'done' && !connection.writeBody(bytes)) this.#req.pause()
    })
    this.#req.on('end', () => {
      if (this.#phase !== 'done') connection.endBody(trailerFields(this.#req.rawTrailers))
    })
  }

  #onClientDrain(): void {
    this.#moved()
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
    if (!res.headersSent)
      sendReply(res, errorReply(error, { host: this.#target.authority }, this.#req.headers))
    else if (this.#req.httpVersion === '1.1') res.destroy()
    else res.socket?.resetAndDestroy() // a body that lasts until the end: a plain end would pass for completeness
    this.#finish(error)
  }

  /** Lets go of the origin's side: the connection, or the attempt to have one. */
  #drop(cause: ProxyError): void {
    this.#abort?.abort(cause)
    this.#connection?.close(cause)
  }

  #finish(error: ProxyError | undefined): void {
    const isReused = (this.#connection?.requests ?? 0) > 1
    this.#phase = 'done'
    this.#stopTimer()
    this.#connection = undefined
    this.#options.onDone?.({
      method: this.#req.method ?? '',
      url: this.#req.url ?? '',
      clientAddress: this.#req.socket.remoteAddress,
      status: error?.code === 'PTC_CLIENT_GONE' && !this.#res.headersSent ? 0 : this.#res.statusCode,
      bytesUp: this.#bytesUp,
      bytesDown: this.#bytesDown,
      milliseconds: performance.now() - this.#startedAt,
      isReused,
      error,
    })
  }

  #startTimer(): void {
    this.#movedAt = Date.now()
    this.#timer ??= setTimeout(() => this.#onTimer(), this.#options.idleTimeout)
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #moved(): void {
    this.#movedAt = Date.now()
  }

  /** Not set anew with every byte: it looks at the clock when it fires. */
  #onTimer(): void {
    const { idleTimeout } = this.#options
    if (this.#movedAt + idleTimeout > Date.now()) {
      this.#timer?.refresh()
      return
    }
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

function pairs(flat: readonly string[]): [string, string][] {
  const out: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) out.push([flat[i] ?? '', flat[i + 1] ?? ''])
  return out
}

function interimText({ status, reason, headers }: ResponseHead, via: string): string {
  const fields = responseFields(headers, status, false, via)
  const lines = pairs(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`
}
