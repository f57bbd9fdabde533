// Longer than 250 lines because the states of a connection, and all events that change them, are one concept.
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2'
import type { Current } from '../base/current.js'
import { Deadline } from '../base/deadline.js'
import { ProxyError } from '../base/errors.js'
import { FrameLimits } from '../http2/frame-limits.js'
import { FLAG, FRAME, type Frame, FrameReader, PREFACE_BYTES } from '../http2/frames.js'
import { LinkStream } from '../http2/link-stream.js'
import { OriginSet } from '../http2/origin-set.js'
import { clientSession, type OriginHttp2Limits } from '../http2/session.js'
import type { TlsOrigin } from '../tls/outbound/start-tls.js'
import { bindsConnection, type ConnectionOwner } from './connection-login.js'
import { type ExchangeSession, Http2Exchange, type OtherName, type SeenFields } from './http2-exchange.js'

export interface Http2Options extends OriginHttp2Limits {
  /** How large the header fields of a response may be. */
  readonly maxHeadBytes: number
  /** Whether a login that binds a connection has to be private to one client. */
  readonly hasPrivateLogins: boolean
}

/** What keeps the session. */
export interface SessionOwner {
  /** It has no stream, and may be closed. */
  onIdle(session: Http2Session): void
  /** It takes no further request. */
  onOver(session: Http2Session): void
}

/**
 * HTTP/2 with an origin whose peer was accepted (RFC 9113): many requests at once over one link, of many clients.
 *
 * Life: open -> retired: it takes no further request, and ends with the last one -> closed. A GOAWAY retires it; so do the
 * end of its verdict, and an answer that shows a login on the connection.
 */
export class Http2Session implements ExchangeSession {
  readonly channel: TlsOrigin
  /** The only client that it may serve: plugins have accepted the origin for that client alone. */
  readonly owner: ConnectionOwner | undefined
  readonly #options: Current<Http2Options>
  readonly #keeper: SessionOwner
  readonly #session: ClientHttp2Session
  readonly #exchanges = new Set<Http2Exchange>()
  /** The streams that exchanges use, and whether their last frames have come. */
  readonly #hasEnded = new Map<number, boolean>()
  readonly #idle = new Deadline({ onFault: () => this.close(), onTime: () => this.retire() })
  readonly #expiry = new Deadline({ onFault: () => this.close(), onTime: () => this.retire() })
  readonly #forgetOwner: (() => void) | undefined
  /** Whether the origin takes extended CONNECT; undefined until it has sent its settings. */
  #takesWebSockets: boolean | undefined
  readonly #onSettled = new Set<() => void>()
  /** The last stream that the origin serves, once it has said so. */
  #lastStream = Number.POSITIVE_INFINITY
  #isRetired = false
  #isClosed = false
  /** Which names the origin lets it be used for. */
  readonly originSet = new OriginSet()
  /** The number of requests sent on it. */
  requests = 0
  /** Why the proxy has ended it, with streams that had not ended. */
  endedBy: ProxyError | undefined

  constructor(
    channel: TlsOrigin,
    options: Current<Http2Options>,
    keeper: SessionOwner,
    owner: ConnectionOwner | undefined,
  ) {
    this.channel = channel
    this.owner = owner
    this.#options = options
    this.#keeper = keeper
    const frames = new FrameLimits('origin', () => options().rates)
    const reader = new FrameReader(frame => this.#onFrame(frame, frames), 0, this.originSet.payloadOf)
    const writer = new FrameReader(frames.sent, PREFACE_BYTES, frames.sentPayloadOf)
    const wire = new LinkStream(
      channel.link,
      { take: bytes => reader.take(bytes), onFault: why => this.#cutOff(why) },
      bytes => writer.take(bytes),
    )
    this.#session = clientSession(wire, options(), options().maxHeadBytes)
    wire.on('error', () => {}) // `close` follows
    this.#session.on('error', () => {})
    this.#session.on('goaway', (_code, lastStream) => {
      this.#lastStream = lastStream
      this.retire(true)
    })
    this.#session.on('remoteSettings', ({ enableConnectProtocol }) => {
      this.#takesWebSockets = enableConnectProtocol === true
      this.#settled()
    })
    this.#session.on('close', () => this.#onClose())
    const { expiresAt } = channel.peer
    if (expiresAt !== undefined) this.#expiry.set(Math.max(expiresAt - Date.now(), 1))
    this.#forgetOwner = owner?.whenOver(() => this.retire(true))
    wire.begin()
  }

  get hasPrivateLogins(): boolean {
    return this.#options().hasPrivateLogins
  }

  get maxHeadBytes(): number {
    return this.#options().maxHeadBytes
  }

  /** Whether a stream that has its place may begin. */
  get isOpen(): boolean {
    return !this.#isClosed && !this.#session.closed && !this.#session.destroyed
  }

  /** Whether it takes no further request, now and later. */
  get isRetired(): boolean {
    return this.#isRetired
  }

  get isIdle(): boolean {
    return this.#exchanges.size === 0
  }

  /** Whether it takes one more request. */
  get hasRoom(): boolean {
    if (this.#isRetired || !this.isOpen || this.#hasExpired) return false
    const { maxConcurrentStreams = Number.POSITIVE_INFINITY } = this.#session.remoteSettings ?? {}
    return this.#exchanges.size < Math.min(maxConcurrentStreams, this.#options().maxStreams)
  }

  /** The timer may be late for the end of its verdict: it does not run while the machine is suspended. */
  get #hasExpired(): boolean {
    const { expiresAt } = this.channel.peer
    return expiresAt !== undefined && expiresAt <= Date.now()
  }

  /** Whether the origin takes WebSockets on streams (RFC 8441 section 3); undefined until it has sent its settings. */
  get takesWebSockets(): boolean | undefined {
    return this.#takesWebSockets
  }

  /**
   * Calls `listener` once, when the origin has sent its settings, or the connection has ended.
   * @returns forgets the listener
   */
  whenSettled(listener: () => void): () => void {
    if (this.#takesWebSockets !== undefined || this.#isClosed) listener()
    else this.#onSettled.add(listener)
    return () => this.#onSettled.delete(listener)
  }

  #settled(): void {
    const listeners = [...this.#onSettled]
    this.#onSettled.clear()
    for (const listener of listeners) listener()
  }

  /** A place for one request. @param other set where the request is not for the name that it was opened for */
  exchange(other?: OtherName): Http2Exchange {
    this.#idle.set(0)
    const exchange = new Http2Exchange(this, other)
    this.#exchanges.add(exchange)
    return exchange
  }

  /**
   * Takes no further request. Streams that have begun go on.
   * @param isGoing places on which nothing was sent are lost: the connection ends, or has a login
   */
  retire(isGoing = false): void {
    if (!this.#isRetired) {
      this.#isRetired = true
      this.#keeper.onOver(this)
    }
    if (isGoing) for (const exchange of [...this.#exchanges]) exchange.lost()
    if (this.isIdle) this.close()
  }

  /** Ends it at once. */
  close(): void {
    if (this.#isClosed) return
    this.#session.close()
    this.#session.destroy()
    this.#onClose()
  }

  /** For its streams. @throws {ProxyError} PTC_ORIGIN_CLOSED */
  open(headers: OutgoingHttpHeaders, endStream: boolean): ClientHttp2Stream {
    this.requests += 1
    try {
      const stream = this.#session.request(headers, { endStream, waitForTrailers: !endStream })
      if (stream.id !== undefined) this.#hasEnded.set(stream.id, false)
      return stream
    } catch (cause) {
      if (this.isOpen) throw new ProxyError('PTC_INTERNAL', 'the request cannot be sent in HTTP/2', { cause })
      throw new ProxyError('PTC_ORIGIN_CLOSED', 'the connection has ended', { cause })
    }
  }

  /** For its streams: whether the last frame of a stream has come. */
  hasEnded(stream: number): boolean {
    return this.#hasEnded.get(stream) === true
  }

  /** For its streams: whether the origin has certainly not acted on a stream (RFC 9113 section 6.8). */
  isUnprocessed(stream: number | undefined): boolean {
    return stream === undefined || stream > this.#lastStream
  }

  /** For its streams: a place is free. */
  left(exchange: Http2Exchange, stream: number | undefined): void {
    if (stream !== undefined) this.#hasEnded.delete(stream)
    if (!this.#exchanges.delete(exchange) || !this.isIdle) return
    if (this.#isRetired) return this.close()
    this.#idle.set(this.#options().idleTimeout)
    this.#keeper.onIdle(this)
  }

  /** For its streams: a head or trailers have come. A challenge is no login yet. Of a login, requests that wait must not have the benefit. */
  saw({ status, headers }: SeenFields): void {
    const isChallenge = status === 401 || status === 407
    if (!isChallenge && this.hasPrivateLogins && bindsConnection(headers)) this.retire(true)
  }

  /** Tells the origin to calm down, and ends the connection with all its streams. */
  #cutOff(why: ProxyError): void {
    if (this.#isClosed) return
    this.endedBy = why
    this.#session.destroy(why, constants.NGHTTP2_ENHANCE_YOUR_CALM)
    this.#onClose()
  }

  #onFrame(frame: Frame, frames: FrameLimits): void {
    frames.count(frame)
    const { type, flags, stream } = frame
    const canEnd = type === FRAME.data || type === FRAME.headers
    const isLast = type === FRAME.rstStream || (canEnd && (flags & FLAG.endStream) !== 0)
    if (isLast && this.#hasEnded.has(stream)) this.#hasEnded.set(stream, true)
  }

  #onClose(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#idle.stop()
    this.#expiry.stop()
    this.#forgetOwner?.()
    this.#settled()
    this.retire(true)
  }
}
