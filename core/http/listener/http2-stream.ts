import type { EventEmitter } from 'node:events'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { Deadline } from '../../base/deadline.js'
import { asFault, toProxyError } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import { after } from '../../base/timer.js'
import { lengthOf, received } from '../../http2/fields.js'
import { badRequest, requestHead } from '../../http2/request.js'
import { StreamLink, TUNNEL } from '../../http2/stream-link.js'
import { errorReply, sendReply } from '../pages/replies.js'
import type { ClientInfo } from './client-info.js'
import { type BodySource, ClientRequest, type ConnectAnswers, type HandedOver } from './client-request.js'
import { Http2Reply } from './http2-reply.js'

/** Milliseconds between two looks whether the last frame was sent. */
const LAST_FRAME = 5

/** The connection of a stream. */
export interface StreamOwner {
  /** The head of a request has come. */
  onRequest(request: ClientRequest, reply: Http2Reply): void
  /** Milliseconds for a client that takes nothing of a reply. */
  readonly takingLimit: () => number
  /** It takes no further stream, and ends with the last one. */
  endSoon(): void
  onStreamEnd(stream: Http2ClientStream): void
}

/**
 * One stream of a client (RFC 9113 section 5): a request and its reply.
 *
 * Life: open -> the request is complete, the reply has ended, in any order -> closed. The body is not read before
 * `flow`, so that its window is not refilled. A reply that ends before the request stops the request without an error
 * (section 8.1).
 */
export class Http2ClientStream implements BodySource {
  readonly #stream: ServerHttp2Stream
  readonly #owner: StreamOwner
  readonly #request: ClientRequest
  readonly #reply: Http2Reply
  /** Bytes that the head has announced and that have not come; undefined where it announced no length. */
  #left: number | undefined
  #trailers: readonly string[] = []
  #isFlowing = false
  readonly #tunnel: StreamLink | undefined
  /** The tunnel is open. */
  #isOpen = false

  /** @throws {ProxyError} PTC_REQUEST_MALFORMED */
  constructor(
    stream: ServerHttp2Stream,
    raw: readonly string[],
    isComplete: boolean,
    client: ClientInfo,
    owner: StreamOwner,
  ) {
    this.#stream = stream
    this.#owner = owner
    const head = requestHead(raw)
    this.#left = lengthOf(head.rawHeaders, badRequest)
    if (isComplete && (this.#left ?? 0) !== 0) throw badRequest('it ends before its announced length')
    if (isComplete && head.isUpgrade) throw badRequest('it ends before the protocol that it asks for')
    const isConnect = head.method === 'CONNECT'
    const kind = isConnect ? 'connect' : head.isUpgrade ? 'extended' : undefined
    const tunnel = kind && new StreamLink(stream, client.ends, kind)
    this.#tunnel = tunnel
    const asking = isConnect && tunnel !== undefined ? client.onStream(stream, tunnel) : client
    this.#request = new ClientRequest(asking, this, head, {
      idle: new Deadline({ onFault: () => stream.destroy() }),
      active: new Deadline({ onFault: () => stream.destroy() }),
    })
    this.#reply = new Http2Reply(stream, this.#request, () => owner.endSoon(), owner.takingLimit)
    if (isComplete || head.isUpgrade) this.#request.complete([]) // what follows an upgrade is of the other protocol
    if (isComplete) stream.resume() // node:http2 resets a stream that was not read, in the place of its last frame
    const events: EventEmitter = stream // its types leave out the fields as they were received
    events.on('trailers', (_headers: unknown, _flags: number, fields: string[]) => this.#onTrailers(fields))
    stream.on('end', () => this.#atEdge(() => this.#onEnd()))
    stream.on('finish', () => this.#onFinish())
    stream.on('close', () => this.#onClose())
  }

  /** Hands the request to the connection's host. */
  start(): void {
    this.#atEdge(() => this.#owner.onRequest(this.#request, this.#reply))
  }

  flow(): void {
    if (!this.#isFlowing) {
      this.#isFlowing = true
      this.#stream.on('data', (bytes: Buffer) => this.#atEdge(() => this.#onData(bytes)))
    }
    this.#stream.resume()
  }

  halt(): void {
    this.#stream.pause()
  }

  handOver(): HandedOver {
    const link = this.#tunnel
    if (link === undefined)
      throw new ProxyError('PTC_INTERNAL', 'a stream that asked for no tunnel, for another protocol')
    const early = Buffer.alloc(0)
    if (!this.#request.isUpgrade) return { link, early, answers: this.#answers }
    this.#isOpen = true
    return { link, early }
  }

  /** The answers to a CONNECT. A refusal is a reply on the stream, as to any other request: the connection stays open. */
  readonly #answers: ConnectAnswers = {
    establish: () => {
      this.#isOpen = true
      this.#reply.handedOver()
      if (!this.#stream.destroyed) this.#stream.respond({ ':status': 200 }, TUNNEL)
    },
    refuse: ({ url, headers }, _link, error, pages) =>
      sendReply(this.#reply, errorReply(error, { host: url }, headers, pages)),
  }

  #onData(bytes: Buffer): void {
    if (this.#left !== undefined) {
      this.#left -= bytes.length
      if (this.#left < 0) throw badRequest('its body is longer than announced')
    }
    this.#request.deliver(bytes)
  }

  #onTrailers(raw: readonly string[]): void {
    this.#atEdge(() => {
      const { pseudo, fields } = received(raw, badRequest)
      if (Object.keys(pseudo).length > 0) throw badRequest('pseudo-header fields behind its body')
      this.#trailers = fields
    })
  }

  #onEnd(): void {
    if (this.#stream.aborted || this.#request.isComplete) return
    if ((this.#left ?? 0) !== 0) throw badRequest('its body is shorter than announced')
    this.#request.complete(this.#trailers)
  }

  /** The reply has been given to nghttp2. A reset overtakes its last frame, so it waits for that. */
  #onFinish(): void {
    const stream = this.#stream
    const hasEnded = this.#request.isComplete && this.#tunnel === undefined
    if (this.#isOpen || hasEnded || stream.destroyed || stream.closed) return
    if (stream.state.localClose === 1) stream.close(constants.NGHTTP2_NO_ERROR)
    else
      after(
        LAST_FRAME,
        () => this.#onFinish(),
        () => stream.destroy(),
      )
  }

  #onClose(): void {
    const { idle, active } = this.#request.clocks
    this.#atEdge(() => this.#reply.gone())
    idle.stop()
    active.stop()
    this.#owner.onStreamEnd(this)
  }

  /** What goes wrong ends this stream, and no other. */
  #atEdge(work: () => void): void {
    try {
      work()
    } catch (cause) {
      const why = toProxyError(cause, asFault('a stream', cause).message)
      if (!this.#reply.broken(why)) this.#reply.cut()
    }
  }
}
