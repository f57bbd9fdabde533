// Longer than 250 lines because the states of a stream, and all events that change them, are one concept.

import type { EventEmitter } from 'node:events'
import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from 'node:http2'
import { asFault, toProxyError } from '../base/edge.js'
import { ProxyError } from '../base/errors.js'
import { malformed, type RequestHead, type ResponseHead, type ResponseSink } from '../http1/messages.js'
import { codeName } from '../http2/codes.js'
import { switchedHead, webSocketKey } from '../http2/extended-connect.js'
import { toHeaders } from '../http2/fields.js'
import {
  announcedLength,
  headBytes,
  requestHeaders,
  responseHead,
  responseTrailers,
  webSocketHeaders,
} from '../http2/response.js'
import { StreamLink } from '../http2/stream-link.js'
import type { VerifiedPeer } from '../tls/judge/verdict.js'
import { type Channel, NotProcessed, type OriginConnection } from './connection.js'
import { bindsConnection, type ConnectionOwner } from './connection-login.js'
import { InterimLimit } from './interim-limit.js'

/** The connection of a stream. */
export interface ExchangeSession {
  readonly channel: Channel
  readonly owner: ConnectionOwner | undefined
  readonly hasPrivateLogins: boolean
  readonly maxHeadBytes: number
  readonly isOpen: boolean
  readonly requests: number
  /** Why the proxy has ended it, with streams that had not ended. */
  readonly endedBy: ProxyError | undefined
  /** Whether the origin takes WebSockets on streams. */
  readonly takesWebSockets: boolean | undefined
  /** @throws {ProxyError} PTC_ORIGIN_CLOSED */
  open(headers: OutgoingHttpHeaders, endStream: boolean): ClientHttp2Stream
  /** Whether the last frame of a stream has come. */
  hasEnded(stream: number): boolean
  /** Whether the origin has certainly not acted on a stream; undefined: one that was not sent. */
  isUnprocessed(stream: number | undefined): boolean
  /** A head or the trailers of a response have come. */
  saw(fields: SeenFields): void
  /** The place is free. */
  left(exchange: Http2Exchange, stream: number | undefined): void
}

/** Fields of a response, and its status. */
export type SeenFields = Pick<ResponseHead, 'status' | 'headers'>

/** A name that a connection serves beside the one that it was opened for. */
export interface OtherName {
  /** What the origin of the connection was accepted as, for this name. */
  readonly peer: VerifiedPeer
  /** The origin has answered that it does not serve this name on this connection. */
  readonly onMisdirected: () => void
}

/**
 * One stream to an origin (RFC 9113 section 5): a request and its response. It has its place on the connection from the
 * moment when it is made.
 *
 * Life: idle -> busy -> closed; idle -> closed; or busy -> switched -> closed, where it carries a WebSocket. It gives its
 * place back once.
 */
export class Http2Exchange implements OriginConnection {
  readonly protocol = 'h2'
  readonly channel: Channel
  readonly onMisdirected: (() => void) | undefined
  /** The connection that it has its place on. */
  readonly session: ExchangeSession
  #state: 'idle' | 'busy' | 'switched' | 'closed' = 'idle'
  /** The key of the WebSocket that is asked for. */
  #webSocketKey: string | undefined
  #onIdleLost: (() => void) | undefined
  #stream: ClientHttp2Stream | undefined
  #sink: ResponseSink | undefined
  #request: RequestHead | undefined
  #head: ResponseHead | undefined
  /** Bytes of the body that the head has announced and that have not come; undefined where it announced no length. */
  #left: number | undefined
  #requestTrailers: readonly string[] = []
  #trailers: readonly string[] = []
  #isRequestSent = true
  readonly #interim = new InterimLimit()
  requests: number

  constructor(session: ExchangeSession, other?: OtherName) {
    this.session = session
    this.channel = channelFor(session.channel, other)
    this.onMisdirected = other?.onMisdirected
    this.requests = session.requests
  }

  get isIdle(): boolean {
    return this.#state === 'idle' && this.session.isOpen
  }

  get owner(): ConnectionOwner | undefined {
    return this.session.owner
  }

  get hasLogin(): boolean {
    return false
  }

  onIdleLost(listener: () => void): void {
    this.#onIdleLost = listener
  }

  /** For the session: it has ended, or takes no further request. */
  lost(): void {
    if (this.#state !== 'idle') return
    const onLost = this.#onIdleLost
    this.close()
    onLost?.()
  }

  /** A login that binds a connection has no place on one that many clients share. */
  send(request: RequestHead, sink: ResponseSink, client: ConnectionOwner): void {
    if (this.#state !== 'idle') throw new ProxyError('PTC_INTERNAL', `request on a ${this.#state} stream`)
    const { owner } = this
    if (owner !== undefined && owner !== client)
      throw new ProxyError('PTC_INTERNAL', 'a request on a connection that is for another client')
    if (this.session.hasPrivateLogins && bindsConnection(request.headers))
      throw new ProxyError('PTC_NOT_IMPLEMENTED', 'a login that binds the connection, in HTTP/2')
    this.#onIdleLost = undefined
    const isBodiless = request.body === 'none' || request.body === 0
    const key = this.session.takesWebSockets ? webSocketKey(request) : undefined
    const isWhole = isBodiless && key === undefined
    const headers = key === undefined ? requestHeaders(request) : webSocketHeaders(request)
    const stream = this.session.open(headers, isWhole)
    this.#webSocketKey = key
    this.#state = 'busy'
    this.#sink = sink
    this.#request = request
    this.#isRequestSent = isWhole
    this.#stream = stream
    this.requests = this.session.requests
    this.#listen(stream)
  }

  #listen(stream: ClientHttp2Stream): void {
    const on = (event: string, work: (raw: readonly string[], flags: number) => void): void => {
      const events: EventEmitter = stream // its types leave out the fields as they were received
      events.on(event, (_headers: unknown, flags: number, raw: string[]) =>
        this.#atEdge(() => work(raw, flags)),
      )
    }
    on('headers', raw => this.#onInterim(responseHead(raw)))
    on('response', (raw, flags) => {
      const isWhole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
      this.#onHead({ ...responseHead(raw), isWhole })
    })
    on('trailers', raw => {
      this.#trailers = responseTrailers(raw)
      if (this.#head !== undefined) this.session.saw({ status: this.#head.status, headers: this.#trailers })
    })
    stream.on('wantTrailers', () => {
      if (!stream.destroyed && !stream.closed) stream.sendTrailers(toHeaders(this.#requestTrailers))
    })
    stream.on('drain', () => this.#sink?.onDrain())
    stream.on('error', () => {}) // `close` follows
    stream.on('close', () => this.#onClose(stream.rstCode ?? constants.NGHTTP2_NO_ERROR))
  }

  writeBody(bytes: Buffer): boolean {
    if (this.#state !== 'busy' || this.#isRequestSent || bytes.length === 0) return true
    return this.#stream?.write(bytes) ?? true
  }

  endBody(trailers: readonly string[]): void {
    if (this.#state !== 'busy' || this.#isRequestSent) return
    this.#isRequestSent = true
    this.#requestTrailers = trailers
    this.#stream?.end()
  }

  pause(): void {
    if (this.#state === 'busy') this.#stream?.pause()
  }

  resume(): void {
    if (this.#state === 'busy') this.#stream?.resume()
  }

  close(_cause?: ProxyError): void {
    if (this.#state === 'closed' || this.#state === 'switched') return
    this.#state = 'closed'
    this.#sink = undefined
    this.#onIdleLost = undefined
    this.#stream?.close(constants.NGHTTP2_CANCEL)
    this.session.left(this, this.#stream?.id)
  }

  #onInterim(head: ResponseHead): void {
    this.#interim.add(headBytes(head), this.session.maxHeadBytes)
    this.session.saw(head)
    this.#sink?.onInterim(head)
  }

  #onHead(head: ResponseHead): void {
    if (head.status < 200) throw malformed(`status ${head.status} where the response should be`)
    this.#head = head
    this.#left = announcedLength(this.#request?.method ?? '', head)
    this.session.saw(head)
    const [stream, key] = [this.#stream, this.#webSocketKey]
    if (key !== undefined && stream !== undefined && head.status < 300) return this.#switch(key, head, stream)
    // Not before: node:http2 tells of a head later than of a body that came with it.
    stream?.on('data', (bytes: Buffer) => this.#atEdge(() => this.#onData(bytes)))
    stream?.on('end', () => this.#atEdge(() => this.#onEnd()))
    this.#sink?.onHead(head)
  }

  /** The stream is the receiver's from here on. It keeps its place until it is closed. */
  #switch(key: string, head: ResponseHead, stream: ClientHttp2Stream): void {
    const link = new StreamLink(stream, this.channel.link, 'origin')
    const sink = this.#sink
    this.#state = 'switched'
    this.#sink = undefined
    try {
      sink?.onUpgrade(switchedHead(key, head), link, Buffer.alloc(0))
    } catch (cause) {
      link.destroy(asFault('a stream', cause))
    }
  }

  #onData(bytes: Buffer): void {
    if (this.#left !== undefined) {
      this.#left -= bytes.length
      if (this.#left < 0) throw malformed('its body is longer than announced')
    }
    this.#sink?.onBody(bytes)
    this.#sink?.onPartial()
  }

  /**
   * Only a frame of the origin's ends a response: the last one, or a reset without an error. Servers of Node send that in
   * the place of the last frame; without an announced length, browsers and curl take it for the end.
   */
  #onEnd(): void {
    const stream = this.#stream
    if ((stream?.rstCode ?? 0) !== constants.NGHTTP2_NO_ERROR) return
    if (this.#head === undefined || stream?.id === undefined || !this.session.hasEnded(stream.id)) return
    if ((this.#left ?? 0) !== 0) throw malformed('its body is shorter than announced')
    const sink = this.#sink
    this.#state = 'closed'
    this.#sink = undefined
    if (!this.#isRequestSent) stream.close(constants.NGHTTP2_CANCEL)
    this.session.left(this, this.#stream?.id)
    sink?.onComplete(this.#trailers)
  }

  #onClose(code: number): void {
    if (this.#state === 'switched') {
      this.#state = 'closed'
      this.session.left(this, this.#stream?.id)
    }
    if (this.#state !== 'busy') return
    const sink = this.#sink
    const sawResponse = this.#sawResponse
    const text = `the origin closed the stream before its response was complete (${codeName(code)})`
    const { endedBy } = this.session
    const isUnprocessed = NOT_PROCESSED.has(code) || this.session.isUnprocessed(this.#stream?.id)
    this.close()
    const error =
      endedBy ??
      (!sawResponse && isUnprocessed
        ? new NotProcessed(text, code === constants.NGHTTP2_HTTP_1_1_REQUIRED)
        : new ProxyError('PTC_ORIGIN_CLOSED', text))
    sink?.onFail(error, sawResponse)
  }

  get #sawResponse(): boolean {
    return this.#head !== undefined || this.#interim.hasCounted
  }

  /** What goes wrong ends this stream, and no other. */
  #atEdge(work: () => void): void {
    if (this.#state !== 'busy') return
    try {
      work()
    } catch (error) {
      const sink = this.#sink
      const sawResponse = this.#sawResponse
      this.close()
      sink?.onFail(toProxyError(error, 'the response could not be handled'), sawResponse)
    }
  }
}

/** Plugins held the handshake for the first name, not for this one. */
function channelFor(channel: Channel, other: OtherName | undefined): Channel {
  if (other === undefined || channel.peer === undefined) return channel
  const { parked: _, ...shared } = channel
  return { ...shared, peer: other.peer }
}

/** Codes with which an origin says that it has not acted on a request (RFC 9113 section 8.7). */
const NOT_PROCESSED: ReadonlySet<number> = new Set([
  constants.NGHTTP2_REFUSED_STREAM,
  constants.NGHTTP2_HTTP_1_1_REQUIRED,
])
