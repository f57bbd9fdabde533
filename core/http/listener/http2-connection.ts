import type { EventEmitter } from 'node:events'
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { Deadline } from '../../base/deadline.js'
import { ProxyError } from '../../base/errors.js'
import { flooded } from '../../base/floods.js'
import { codeOf, describe } from '../../base/thrown.js'
import { codeName, codeReader } from '../../http2/codes.js'
import { FrameLimits } from '../../http2/frame-limits.js'
import { FLAG, FRAME, type Frame, FrameReader, PREFACE_BYTES } from '../../http2/frames.js'
import { LinkStream } from '../../http2/link-stream.js'
import { serverSession } from '../../http2/session.js'
import type { ClientLink } from '../../vconn/link.js'
import { type ClientHost, type Drainable, firstRequestTimeout } from './client-host.js'
import type { ClientInfo } from './client-info.js'
import type { ClientRequest } from './client-request.js'
import type { Http2Reply } from './http2-reply.js'
import { Http2ClientStream, type StreamOwner } from './http2-stream.js'

/** With the headers of an event: nothing follows the head. */
const END_STREAM = constants.NGHTTP2_FLAG_END_STREAM

/**
 * HTTP/2 with one client (RFC 9113), over TLS that has negotiated it. nghttp2 frames, and keeps the windows; each stream is
 * a request of its own.
 *
 *     new -> idle | busy … -> draining: GOAWAY was sent, the streams end -> left      (any) -> left
 */
export class Http2ClientConnection implements Drainable, StreamOwner {
  readonly client: ClientInfo
  readonly #host: ClientHost
  readonly #session: ServerHttp2Session
  readonly #wire: LinkStream
  readonly #streams = new Set<Http2ClientStream>()
  readonly #deadline = new Deadline({
    onFault: why => this.#onFault(why),
    onTime: () => this.endSoon(),
  })
  /** For the frames of one head. */
  readonly #headDeadline = new Deadline({
    onFault: why => this.#onFault(why),
    onTime: () => {
      flooded('client', 'head')
      this.#cutOff(new ProxyError('PTC_HTTP2_FLOOD', 'the client did not end the head of a request'))
    },
  })
  /** No request has come. */
  #isNew = true
  #hasLeft = false
  /** What the client has done wrong, if nghttp2 has said so. */
  #mistake: ProxyError | undefined

  readonly #onFault = (why: ProxyError): void => this.#session.destroy(why)

  constructor(link: ClientLink, client: ClientInfo, host: ClientHost) {
    this.client = client
    this.#host = host
    const limits = new FrameLimits('client', () => host.limits().http2.rates)
    const reader = new FrameReader(frame => this.#onFrame(frame, limits), PREFACE_BYTES)
    const writer = new FrameReader(limits.sent, 0, frame =>
      frame.type === FRAME.goaway ? codeReader(frame, this.#onGoaway) : limits.sentPayloadOf(frame),
    )
    this.#wire = new LinkStream(
      link,
      { take: bytes => reader.take(bytes), onFault: why => this.#cutOff(why) },
      bytes => writer.take(bytes),
    )
    this.#session = serverSession(this.#wire, host.limits().http2)
    client.onLoginLost = () => this.endSoon()
    const events: EventEmitter = this.#session // its types leave out the fields as they were received
    events.on('stream', (stream: ServerHttp2Stream, _headers: unknown, flags: number, raw: string[]) =>
      this.#onStream(stream, flags, raw),
    )
    this.#session.on('error', (cause: unknown) => {
      // Other failures are reported by the streams, and by `close`.
      if (codeOf(cause) === 'ERR_HTTP2_ERROR') this.#onMistake(describe(cause))
    })
    this.#wire.on('error', () => {})
    this.#session.on('close', () => this.#leave())
  }

  /** Begins to read. */
  start(): void {
    this.#deadline.set(firstRequestTimeout(this.#host, this.#host.limits().headersTimeout))
    this.#wire.begin()
  }

  drain(isOn: boolean): void {
    if (this.#isNew) this.#deadline.set(firstRequestTimeout(this.#host, this.#host.limits().headersTimeout))
    else if (isOn) this.endSoon()
  }

  /** Sends GOAWAY; nghttp2 refuses later streams, so that the client repeats them elsewhere. */
  endSoon(): void {
    if (!this.#session.closed) this.#session.close()
  }

  destroy(): void {
    this.#session.destroy()
    this.#leave()
  }

  readonly takingLimit = (): number => this.#host.limits().headersTimeout

  onRequest(request: ClientRequest, reply: Http2Reply): void {
    this.#host.onRequest(request, reply)
  }

  onStreamEnd(stream: Http2ClientStream): void {
    this.#streams.delete(stream)
    if (this.#streams.size === 0 && !this.#hasLeft) this.#deadline.set(this.#host.limits().http2.idleTimeout)
  }

  #onFrame(frame: Frame, limits: FrameLimits): void {
    limits.count(frame)
    if (frame.type !== FRAME.headers && frame.type !== FRAME.continuation) return
    const isWhole = (frame.flags & FLAG.endHeaders) !== 0
    if (isWhole) this.#headDeadline.set(0)
    else if (frame.type === FRAME.headers) this.#headDeadline.set(this.#host.limits().http2.headTimeout)
  }

  /**
   * A GOAWAY goes to the client. Behind one that names a mistake, nghttp2 reads nothing more, and Node leaves the connection open
   * (RFC 9113 section 5.4.1: it must be closed). nghttp2 is writing: the end comes later.
   */
  readonly #onGoaway = (code: number): void => {
    if (code === constants.NGHTTP2_NO_ERROR || code === constants.NGHTTP2_INTERNAL_ERROR) return
    this.#onMistake(codeName(code))
    setImmediate(() => this.#session.destroy())
  }

  #onMistake(what: string): void {
    const text = `the client does not keep to HTTP/2 (${what}): its connection ends`
    this.#mistake ??= new ProxyError('PTC_REQUEST_MALFORMED', text)
  }

  /** Tells the client to calm down, and ends the connection with all its streams. */
  #cutOff(why: ProxyError): void {
    if (this.#hasLeft) return
    this.#host.onCutOff(why, this.client)
    this.#session.destroy(why, constants.NGHTTP2_ENHANCE_YOUR_CALM)
    this.#mistake = undefined // it was reported
    this.#leave()
  }

  #onStream(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    stream.on('error', () => {}) // `close` follows
    this.#isNew = false
    if (this.client.hasLostLogin) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM)
      return
    }
    if (this.#host.isDraining) this.endSoon()
    const isComplete = (flags & END_STREAM) !== 0
    let opened: Http2ClientStream
    try {
      opened = new Http2ClientStream(stream, raw, isComplete, this.client, this)
    } catch (cause) {
      const code = cause instanceof ProxyError ? 'NGHTTP2_PROTOCOL_ERROR' : 'NGHTTP2_INTERNAL_ERROR'
      stream.close(constants[code])
      return
    }
    this.#streams.add(opened)
    this.#deadline.set(0)
    opened.start()
  }

  #leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    if (this.#mistake !== undefined) this.#host.onCutOff(this.#mistake, this.client)
    this.#deadline.stop()
    this.#headDeadline.stop()
    this.#host.onLeft(this)
    this.client.leave()
  }
}
