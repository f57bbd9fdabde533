// Longer than 250 lines because the states of a connection, and all events that change them, are one concept.
import type { Current } from '../base/current.js'
import { toProxyError } from '../base/edge.js'
import { ProxyError } from '../base/errors.js'
import { protocolsIn } from '../http1/headers.js'
import {
  checkResponse,
  chunkLine,
  hasFalseFraming,
  headText,
  isBodiless,
  lastChunk,
  malformed,
  type RequestHead,
  type ResponseHead,
  type ResponseSink,
} from '../http1/messages.js'
import type { HttpParser, MessageEvents } from '../http1/parser.js'
import { ResponseReader } from '../http1/response-reader.js'
import type { Link, LinkSink } from '../vconn/link.js'
import type { Channel, OriginConnection } from './connection.js'
import { ConnectionLogin, type ConnectionOwner } from './connection-login.js'
import { InterimLimit } from './interim-limit.js'
import type { AbsoluteForm } from './parents/http-connect.js'

export interface Http1Options {
  /** How large the header fields of a response may be. */
  readonly maxHeadBytes: number
  /** Whether a connection on which a client has logged in serves that client alone. */
  readonly hasPrivateLogins: boolean
  /** Whether untidy responses are mended. */
  readonly isLenient: boolean
}

const EMPTY = Buffer.alloc(0)

/**
 * HTTP/1.1 to an origin (RFC 9112): one request at a time over one link.
 *
 * Life: idle -> (busy -> idle)* -> busy -> upgraded | closed. It becomes idle again only if the framing delimited the
 * response, both sides keep the connection, the whole request was sent, and no byte follows the response. Its login
 * decides which client it may serve.
 */
export class Http1 implements OriginConnection, LinkSink, MessageEvents {
  readonly protocol = 'http/1.1'
  readonly channel: Channel
  readonly #link: Link
  readonly #options: Current<Http1Options>
  readonly #reader: ResponseReader
  readonly #login: ConnectionLogin
  #state: 'idle' | 'busy' | 'upgraded' | 'closed' = 'idle'
  #sink: ResponseSink | undefined
  #onIdleLost: (() => void) | undefined
  #request: RequestHead | undefined
  #isRequestSent = true
  #isMessageComplete = false
  #sawResponse = false
  /** The origin frames responses that have no body: it is not clear where the next one would begin. */
  #isUntidy = false
  #isHeld = false
  #isPaused = false
  #requests = 0
  /** Counts the interim responses to the present request; undefined before the first one. */
  #interim: InterimLimit | undefined

  /** @param acceptedFor the only client for which the origin was accepted */
  constructor(channel: Channel, options: Current<Http1Options>, acceptedFor?: ConnectionOwner) {
    this.channel = channel
    this.#link = channel.link
    this.#options = options
    this.#login = new ConnectionLogin(options, acceptedFor)
    this.#reader = new ResponseReader(this, options().maxHeadBytes)
    this.#link.attach(this)
  }

  get #message(): HttpParser {
    return this.#reader.message
  }

  get #form(): AbsoluteForm | undefined {
    return this.channel.peer === undefined ? this.channel.form : undefined
  }

  get isIdle(): boolean {
    return this.#state === 'idle'
  }

  get requests(): number {
    return this.#requests
  }

  get owner(): ConnectionOwner | undefined {
    return this.#login.owner
  }

  get hasLogin(): boolean {
    return this.#login.isKnown
  }

  /** Calls `listener` when the idle connection receives bytes or ends, and has been closed. The next `send` ends that. */
  onIdleLost(listener: () => void): void {
    this.#onIdleLost = listener
  }

  send(request: RequestHead, sink: ResponseSink, client: ConnectionOwner): void {
    if (this.#state !== 'idle') throw new ProxyError('PTC_INTERNAL', `request on a ${this.#state} connection`)
    this.#login.request(request.headers, client)
    this.#state = 'busy'
    this.#onIdleLost = undefined
    this.#sink = sink
    this.#request = request
    this.#isRequestSent = request.body === 'none' || request.body === 0
    this.#isMessageComplete = false
    this.#sawResponse = false
    this.#interim = undefined
    this.#requests += 1
    const { maxHeadBytes, isLenient } = this.#options()
    this.#reader.expect(maxHeadBytes, isLenient)
    this.#link.write(Buffer.from(headText(this.#form?.request(request) ?? request), 'latin1'))
  }

  writeBody(bytes: Buffer): boolean {
    if (this.#state !== 'busy' || bytes.length === 0) return true
    if (this.#request?.body !== 'chunked') return this.#link.write(bytes)
    return this.#link.write(Buffer.concat([Buffer.from(chunkLine(bytes.length), 'latin1'), bytes, CRLF]))
  }

  endBody(trailers: readonly string[]): void {
    if (this.#state !== 'busy' || this.#isRequestSent) return
    this.#isRequestSent = true
    if (this.#request?.body !== 'chunked') return
    this.#link.write(Buffer.from(lastChunk(trailers), 'latin1'))
  }

  pause(): void {
    if (this.#state !== 'busy' || this.#isPaused) return
    this.#isPaused = true
    this.#link.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#link.resume()
  }

  /** Closes the connection. The sink of a request in flight is not called any more. */
  close(cause?: ProxyError): void {
    if (this.#state === 'closed' || this.#state === 'upgraded') return
    this.#state = 'closed'
    this.#sink = undefined
    this.#onIdleLost = undefined
    this.#reader.free()
    this.#login.lost()
    if (cause === undefined && this.#isRequestSent) this.#link.end()
    this.#link.destroy(cause)
  }

  onData(bytes: Buffer): void {
    if (this.#state === 'idle') this.#loseIdle()
    if (this.#state !== 'busy') return
    this.#sawResponse = true
    this.#isHeld = false
    try {
      const consumed = this.#reader.execute(bytes)
      if (this.#isMessageComplete)
        this.#complete(consumed === bytes.length ? EMPTY : bytes.subarray(consumed))
      else this.#sink?.onPartial()
    } catch (error) {
      this.#fail(asProxyError(error))
    }
  }

  /** The bytes are parsed; views of a body may still wait for the client. */
  keepsData(): boolean {
    return this.#isHeld
  }

  onDrain(): void {
    this.#sink?.onDrain()
  }

  onEnd(): void {
    if (this.#state === 'idle') this.#loseIdle()
    if (this.#state !== 'busy') return
    try {
      if (!this.#reader.finish() || !this.#isMessageComplete) this.#fail(closedEarly())
      else this.#complete(EMPTY)
    } catch (error) {
      this.#fail(asProxyError(error))
    }
  }

  onClose(cause: ProxyError | undefined): void {
    if (this.#state === 'idle') this.#loseIdle()
    if (this.#state === 'busy') this.#fail(cause ?? closedEarly())
  }

  onHead(): 'asFramed' | 'none' {
    const parser = this.#message
    const { status } = parser
    checkResponse(parser)
    this.#form?.check(status, parser.reason)
    this.#login.response(parser.headers)
    if (status === 101) this.#checkUpgrade()
    // The parser cannot tell yet for a HEAD request.
    else if (status >= 200 && !parser.keepsAlive && this.#request?.method !== 'HEAD') this.#login.lost()
    if (status >= 200) this.#sink?.onHead(headOf(parser))
    else if (status !== 101) this.#passInterim()
    if (hasFalseFraming(parser)) this.#isUntidy = true
    return this.#request?.method === 'HEAD' || isBodiless(status) ? 'none' : 'asFramed'
  }

  #passInterim(): void {
    const parser = this.#message
    this.#interim ??= new InterimLimit()
    this.#interim.add(parser.headBytes, parser.maxHeadBytes)
    this.#sink?.onInterim(headOf(parser))
  }

  onBody(bytes: Buffer): void {
    if (this.#sink?.onBody(bytes) !== 'written') this.#isHeld = true
  }

  /** Another response follows an interim one; the parser stops after the final one. */
  onMessage(): boolean {
    if (this.#message.status < 200 && this.#message.status !== 101) return true
    this.#isMessageComplete = true
    return false
  }

  /** An origin may switch only to a protocol that the client asked for (RFC 9110 section 7.8). */
  #checkUpgrade(): void {
    const { headers, isUpgrade } = this.#message
    const asked = protocolsIn(this.#request?.headers ?? [])
    const chosen = protocolsIn(headers)
    const isAsked = chosen.length > 0 && chosen.every(protocol => asked.includes(protocol))
    if (!isUpgrade || !isAsked) throw malformed('a 101 that was not asked for')
  }

  #complete(rest: Buffer): void {
    const sink = this.#sink
    const { trailers, keepsAlive, status } = this.#message
    this.#login.response(trailers)
    this.#login.over()
    if (status === 101) {
      this.#handOver(sink, rest)
      return
    }
    this.resume()
    const isTidy = !this.#isUntidy && !this.#reader.isUntidy
    if (isTidy && keepsAlive && this.#isRequestSent && rest.length === 0 && !this.#link.isClosed) {
      this.#sink = undefined
      this.#request = undefined
      this.#state = 'idle'
      this.#reader.next()
    } else {
      this.close()
    }
    sink?.onComplete(trailers)
  }

  #handOver(sink: ResponseSink | undefined, rest: Buffer): void {
    const head = headOf(this.#message)
    this.#state = 'upgraded'
    this.#sink = undefined
    this.#link.pause()
    this.#reader.free()
    if (sink === undefined) this.#link.destroy()
    else sink.onUpgrade(head, this.#link, Buffer.from(rest)) // the sink may store it
  }

  #loseIdle(): void {
    const onLost = this.#onIdleLost
    this.close()
    onLost?.()
  }

  #fail(error: ProxyError): void {
    const sink = this.#sink
    this.close(error)
    sink?.onFail(error, this.#sawResponse)
  }
}

const CRLF = Buffer.from('\r\n')

const headOf = ({ version, status, reason, headers }: HttpParser): ResponseHead => ({
  version: version === 10 ? '1.0' : '1.1',
  status,
  reason,
  headers,
})

const closedEarly = (): ProxyError =>
  new ProxyError('PTC_ORIGIN_CLOSED', 'the origin closed the connection before its response was complete')

const asProxyError = (error: unknown): ProxyError => toProxyError(error, 'the response could not be handled')
