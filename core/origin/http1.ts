// Longer than 250 lines because the states of a connection, and all that may move them, are one concept.
import type { Current } from '../base/current.js'
import { toProxyError } from '../base/edge.js'
import { ProxyError } from '../base/errors.js'
import {
  fieldLines,
  headText,
  type RequestHead,
  type ResponseHead,
  type ResponseSink,
} from '../http1/messages.js'
import { HttpParser, type MessageEvents } from '../http1/parser.js'
import { checkResponse, malformed, protocolsIn } from '../http1/response-checks.js'
import type { Link, LinkSink } from '../vconn/link.js'
import type { Channel } from './channel.js'
import { ConnectionLogin } from './connection-login.js'
import type { ConnectionOwner } from './connection-owner.js'

/** Whoever keeps a connection while it is idle. */
export interface IdleKeeper {
  /** It received something, ended or closed: it is of no use to a next request, and has been closed. */
  lost(connection: Http1): void
}

export interface Http1Options {
  /** How large the header fields of a response may be. */
  readonly maxHeadBytes: number
  /** Whether a connection on which a client has logged in serves that client alone. */
  readonly hasPrivateLogins: boolean
}

const EMPTY = Buffer.alloc(0)

/** The most 1xx responses to one request. */
const MAX_INTERIM = 1000
/** The most bytes of them together; one may be as large as a head may be. */
const MAX_INTERIM_BYTES = 1_048_576

/**
 * HTTP/1.1 to an origin (RFC 9112): one request at a time over one link.
 *
 * Life: idle -> (busy -> idle)* -> busy -> upgraded | closed. It is idle again only when the response was delimited by
 * its framing, both sides keep the connection, the request was sent whole, and not one byte came after the response. Its login decides
 * which client it may serve.
 */
export class Http1 implements LinkSink, MessageEvents {
  readonly channel: Channel
  readonly #link: Link
  readonly #options: Current<Http1Options>
  readonly #parser: HttpParser
  readonly #login: ConnectionLogin
  #state: 'idle' | 'busy' | 'upgraded' | 'closed' = 'idle'
  #sink: ResponseSink | undefined
  #keeper: IdleKeeper | undefined
  #request: RequestHead | undefined
  #isRequestSent = true
  #isMessageComplete = false
  #sawResponse = false
  #hasKept = false
  #isPaused = false
  #requests = 0
  #interim = 0
  #interimBytes = 0

  /** @param acceptedFor the only client for which the origin was accepted */
  constructor(channel: Channel, options: Current<Http1Options>, acceptedFor?: ConnectionOwner) {
    this.channel = channel
    this.#link = channel.link
    this.#options = options
    this.#login = new ConnectionLogin(options, acceptedFor)
    this.#parser = new HttpParser('response', this, options().maxHeadBytes)
    this.#link.attach(this)
  }

  get isIdle(): boolean {
    return this.#state === 'idle'
  }

  /** How many requests were sent on it, the present one included. */
  get requests(): number {
    return this.#requests
  }

  /** The only client that it may serve; undefined: it may serve any. */
  get owner(): ConnectionOwner | undefined {
    return this.#login.owner
  }

  /** Whether its end ends a login. */
  get hasLogin(): boolean {
    return this.#login.isKnown
  }

  /** Tells `keeper` when an idle connection is lost; the next `send` ends that. */
  keep(keeper: IdleKeeper): void {
    this.#keeper = keeper
  }

  /** @param client the client of the request */
  send(request: RequestHead, sink: ResponseSink, client: ConnectionOwner): void {
    if (this.#state !== 'idle') throw new ProxyError('PTC_INTERNAL', `request on a ${this.#state} connection`)
    this.#login.request(request.headers, client)
    this.#state = 'busy'
    this.#keeper = undefined
    this.#sink = sink
    this.#request = request
    this.#isRequestSent = request.body === 'none' || request.body === 0
    this.#isMessageComplete = false
    this.#sawResponse = false
    this.#interim = 0
    this.#interimBytes = 0
    this.#requests += 1
    this.#parser.maxHeadBytes = this.#options().maxHeadBytes
    this.#link.write(Buffer.from(headText(request), 'latin1'))
  }

  /** @returns false: wait for `onDrain` */
  writeBody(bytes: Buffer): boolean {
    if (this.#state !== 'busy' || bytes.length === 0) return true
    if (this.#request?.body !== 'chunked') return this.#link.write(bytes)
    const size = Buffer.from(`${bytes.length.toString(16)}\r\n`, 'latin1')
    return this.#link.write(Buffer.concat([size, bytes, CRLF]))
  }

  /** The body is complete. Trailers are sent if it is chunked. */
  endBody(trailers: readonly string[]): void {
    if (this.#state !== 'busy' || this.#isRequestSent) return
    this.#isRequestSent = true
    if (this.#request?.body !== 'chunked') return
    this.#link.write(Buffer.from(`0\r\n${fieldLines(trailers)}\r\n`, 'latin1'))
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

  /** Closes the connection; a request under way hears nothing more. */
  close(cause?: ProxyError): void {
    if (this.#state === 'closed' || this.#state === 'upgraded') return
    this.#state = 'closed'
    this.#sink = undefined
    this.#keeper = undefined
    this.#parser.free()
    this.#login.lost()
    if (cause === undefined && this.#isRequestSent) this.#link.end()
    this.#link.destroy(cause)
  }

  onData(bytes: Buffer): void {
    if (this.#state === 'idle') this.#loseIdle()
    if (this.#state !== 'busy') return
    this.#sawResponse = true
    this.#hasKept = false
    try {
      const consumed = this.#parser.execute(bytes)
      if (this.#isMessageComplete)
        this.#complete(consumed === bytes.length ? EMPTY : bytes.subarray(consumed))
      else this.#sink?.onPartial()
    } catch (error) {
      this.#fail(asProxyError(error))
    }
  }

  /** The parser has looked at the bytes; views of a body may still be on their way to the client. */
  keepsData(): boolean {
    return this.#hasKept
  }

  onDrain(): void {
    this.#sink?.onDrain()
  }

  onEnd(): void {
    if (this.#state === 'idle') this.#loseIdle()
    if (this.#state !== 'busy') return
    try {
      if (!this.#parser.finish() || !this.#isMessageComplete) this.#fail(closedEarly())
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
    const parser = this.#parser
    const { status } = parser
    checkResponse(parser)
    this.#login.response(parser.headers)
    if (status === 101) this.#checkUpgrade()
    // To a HEAD request the parser cannot tell yet.
    else if (status >= 200 && !parser.keepsAlive && this.#request?.method !== 'HEAD') this.#login.lost()
    if (status >= 200) this.#sink?.onHead(headOf(parser))
    else if (status !== 101) this.#passInterim()
    return this.#request?.method === 'HEAD' ? 'none' : 'asFramed'
  }

  /** Without a limit an origin could keep a transaction alive for ever, as each of them counts as progress. */
  #passInterim(): void {
    const parser = this.#parser
    this.#interim += 1
    this.#interimBytes += parser.headBytes
    if (this.#interim > MAX_INTERIM) throw malformed(`more than ${MAX_INTERIM} interim responses`)
    const most = Math.max(MAX_INTERIM_BYTES, parser.maxHeadBytes)
    if (this.#interimBytes > most) throw malformed(`more than ${most} bytes of interim responses`)
    this.#sink?.onInterim(headOf(parser))
  }

  onBody(bytes: Buffer): void {
    if (this.#sink?.onBody(bytes) !== 'written') this.#hasKept = true
  }

  /** Interim responses are followed by another one; at the final one the parser stops. */
  onMessage(): boolean {
    if (this.#parser.status < 200 && this.#parser.status !== 101) return true
    this.#isMessageComplete = true
    return false
  }

  /** RFC 9110 section 7.8: only what the client asked for may be switched to. */
  #checkUpgrade(): void {
    const { headers, isUpgrade } = this.#parser
    const asked = protocolsIn(this.#request?.headers ?? [])
    const chosen = protocolsIn(headers)
    const isAsked = chosen.length > 0 && chosen.every(protocol => asked.includes(protocol))
    if (!isUpgrade || !isAsked) throw malformed('a 101 that nobody asked for')
  }

  #complete(rest: Buffer): void {
    const sink = this.#sink
    const { trailers, keepsAlive, status } = this.#parser
    this.#login.response(trailers)
    this.#login.over()
    if (status === 101) {
      this.#handOver(sink, rest)
      return
    }
    this.resume()
    if (keepsAlive && this.#isRequestSent && rest.length === 0 && !this.#link.isClosed) {
      this.#sink = undefined
      this.#request = undefined
      this.#state = 'idle'
      this.#parser.next()
    } else {
      this.close()
    }
    sink?.onComplete(trailers)
  }

  #handOver(sink: ResponseSink | undefined, rest: Buffer): void {
    const head = headOf(this.#parser)
    this.#state = 'upgraded'
    this.#sink = undefined
    this.#link.pause()
    this.#parser.free()
    if (sink === undefined) this.#link.destroy()
    else sink.onUpgrade(head, this.#link, Buffer.from(rest)) // it may be kept
  }

  #loseIdle(): void {
    const keeper = this.#keeper
    this.close()
    keeper?.lost(this)
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
