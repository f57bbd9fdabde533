// Longer than 250 lines because the states of a connection, and all that may move them, are one concept.

import { Deadline } from '../../base/deadline.js'
import { atEdge, toProxyError } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import { LINGER } from '../../vconn/end-gently.js'
import type { ClientLink, LinkSink } from '../../vconn/link.js'
import type { ClientHost } from './client-host.js'
import type { ClientInfo } from './client-info.js'
import { ClientReply, type ReplyOutput } from './client-reply.js'
import type { ClientRequest } from './client-request.js'
import { endClient } from './end-client.js'
import { type RequestHost, RequestReader } from './request-reader.js'

/** So much of what a client sends ahead is read; then it is not read on until it has been answered. */
const MAX_AHEAD = 65_536
const SETTLED = Promise.resolve()

/**
 * HTTP/1.1 with one client, over plain TCP or TLS. One request at a time (RFC 9112 section 9.3.2): what a client sends
 * ahead is looked at when the response before it has been handed to the system to the last byte.
 *
 *     new -> serving -> replied -> (discarding ->) idle -> serving …      (any) -> left: closed, or handed over
 *
 * A client is read all the time, within a limit, because only who reads notices that the other end has left. One that ends
 * its direction has left.
 */
export class ClientConnection implements LinkSink, ReplyOutput, RequestHost {
  readonly client: ClientInfo
  readonly #link: ClientLink
  readonly #host: ClientHost
  readonly #reader: RequestReader
  readonly #clock = new Deadline(() => atEdge('a time limit', () => this.#onTime(), this.#onFault))
  #at: 'new' | 'idle' | 'serving' | 'replied' | 'discarding' | 'left' = 'new'
  #request: ClientRequest | undefined
  #reply: ClientReply | undefined
  #isPaused = false
  /** Bytes that were sent wait for the client. */
  #isBlocked = false
  #isReading = false
  #isGoingOn = false
  #flushesSoon = false

  readonly #onFault = (why: ProxyError): void => this.#link.destroy(why)

  constructor(link: ClientLink, client: ClientInfo, host: ClientHost) {
    this.#link = link
    this.client = client
    this.#host = host
    client.onLoginLost = () => this.drain()
    this.#reader = new RequestReader(this, host.limits().maxHeaderBytes)
  }

  /** Begins to read. What has come already may come from within, and the connection be over after it. */
  start(): void {
    this.#clock.set(this.#host.limits().headersTimeout)
    this.#link.attach(this)
    if (this.#at !== 'left' && !this.#isPaused) this.#link.resume()
  }

  /** Takes no further request; the reply to the present one says so, if its head is not fixed yet. */
  drain(): void {
    if (this.#at === 'new' || this.#at === 'idle') this.destroy()
    else if (this.#reply?.headersSent === false) this.#reply.closes = true
  }

  /** At once. Where only the end of the connection says that a body is complete, an end must not be seen. */
  destroy(): void {
    if (this.#isOpenEnded && !this.#isSent) this.#link.reset()
    else this.#link.destroy()
    this.#leave()
  }

  onData(bytes: Buffer): void {
    if (this.#at === 'left') return
    const isBegin = !this.#reader.isInHead
    this.#read(() => this.#reader.take(bytes))
    if (isBegin && this.#reader.isInHead) this.#clock.set(this.#host.limits().headersTimeout)
  }

  onDrain(): void {
    this.#isBlocked = false
    this.#reply?.drained()
    this.#goOn()
  }

  onEnd(): void {
    if (this.#at === 'left') return
    if (this.#reader.isInHead)
      this.#bad(new ProxyError('PTC_REQUEST_MALFORMED', 'the request ended within its head'))
    else this.destroy()
  }

  onClose(): void {
    this.#leave()
  }

  onRequest(request: ClientRequest, keepsAlive: boolean): void {
    const closes = !keepsAlive || request.httpVersion === '1.0' || request.isUpgrade || this.#host.isDraining
    const reply = new ClientReply(this, request, closes)
    this.#at = 'serving'
    this.#request = request
    this.#reply = reply
    this.#clock.set(request.isComplete ? 0 : this.#host.limits().requestTimeout)
    this.#host.onRequest(request, reply)
  }

  flow(): void {
    this.#reader.release()
    this.#read(this.#run)
  }

  halt(): void {
    this.#reader.hold()
    this.#pause()
  }

  handOver(): { link: ClientLink; early: Buffer } {
    this.#link.pause()
    this.#reply?.handedOver()
    this.#reply = undefined
    this.#leave()
    return { link: this.#link, early: this.#reader.kept }
  }

  get keepAliveLines(): string {
    return this.#host.keepAliveLines()
  }

  get isHolding(): boolean {
    return this.#link.isHolding
  }

  send(bytes: Uint8Array): boolean {
    if (this.#at === 'left') return true
    const goesOn = this.#link.write(bytes)
    if (!goesOn) this.#isBlocked = true
    return goesOn
  }

  get isBlocked(): boolean {
    return this.#isBlocked
  }

  readonly #flush = (): void => {
    this.#flushesSoon = false
    this.#reply?.flush()
  }

  /** Of a promise, because `queueMicrotask` makes an object for whoever traces it. */
  flushSoon(): void {
    if (this.#flushesSoon) return
    this.#flushesSoon = true
    void SETTLED.then(this.#flush)
  }

  replied(): void {
    if (this.#at === 'left') return
    this.#at = 'replied'
    if (this.#isBlocked) this.#clock.set(this.#host.limits().headersTimeout)
    this.#goOn()
  }

  /** Has the reader look at bytes, then goes on with what came of it. */
  #read(look: () => void): void {
    if (this.#isReading) return look()
    this.#look(look)
    this.#goOn()
  }

  #look(look: () => void): void {
    this.#isReading = true
    try {
      look()
    } catch (error) {
      this.#bad(toProxyError(error, 'reading failed'))
    } finally {
      this.#isReading = false
    }
  }

  /** What ended is followed by what comes next; the client is read on, if it may send more. Not within the reader. */
  #goOn(): void {
    if (this.#isReading || this.#isGoingOn) return
    this.#isGoingOn = true
    try {
      this.#turnAll()
    } finally {
      this.#isGoingOn = false
    }
    if (this.#at === 'left') return
    if (this.#reader.kept.length > MAX_AHEAD || this.#request?.isPaused) this.#pause()
    else if (this.#isPaused) {
      this.#isPaused = false
      this.#link.resume()
    }
  }

  /** A loop, not a recursion: a thousand requests may be there, each answered at once and with a body nobody wants. */
  #turnAll(): void {
    while (this.#at === 'replied' && !this.#isBlocked) {
      this.#turnOver()
      if (!this.#isIdle || this.#reader.kept.length === 0) continue
      this.#look(this.#run)
      if (this.#reader.isInHead) this.#clock.set(this.#host.limits().headersTimeout)
    }
  }

  readonly #run = (): void => this.#reader.run()

  get #isIdle(): boolean {
    return this.#at === 'idle'
  }

  #pause(): void {
    if (this.#isPaused || this.#at === 'left') return
    this.#isPaused = true
    this.#link.pause()
  }

  /** The response has been handed to the system: the connection ends, or waits for the next request. */
  #turnOver(): void {
    const request = this.#request
    if (this.#reply?.closes !== false || request === undefined) return this.#end()
    if (!request.isComplete) return this.#throwAway(request)
    this.#request = undefined
    this.#reply = undefined
    if (this.#host.isDraining || this.client.hasLostLogin) return this.#end()
    this.#at = 'idle'
    this.#reader.next()
    this.#clock.set(this.#host.limits().keepAliveTimeout)
  }

  /** Nobody wants the rest of the body. A client that does not come to an end soon after its answer is cut off. */
  #throwAway(request: ClientRequest): void {
    this.#at = 'discarding'
    this.#clock.set(LINGER)
    const onBodyEnd = (): void => {
      this.#at = 'replied'
      this.#goOn()
    }
    request.read({ onBody: () => {}, onBodyEnd })
  }

  #end(): void {
    const isOpenEnded = this.#isOpenEnded
    this.#leave()
    endClient(this.#link, this.client, this.#host.limits().headersTimeout, isOpenEnded)
  }

  /** Only the end of the connection ends the reply. */
  get #isOpenEnded(): boolean {
    return this.#reply?.framing === 'close'
  }

  /** Whether all of the reply has been handed to the system. */
  get #isSent(): boolean {
    return this.#reply?.isEnded === true && !this.client.isSending
  }

  #onTime(): void {
    const { headersTimeout, requestTimeout } = this.#host.limits()
    const late = (ms: number): void =>
      this.#bad(new ProxyError('PTC_REQUEST_TIMEOUT', `the request did not arrive in time (${ms} ms)`))
    if (this.#reader.isInHead) late(headersTimeout)
    else if (this.#at !== 'serving') this.destroy()
    else if (this.#request?.isComplete === false) late(requestTimeout)
  }

  /** Whoever answers a request that has begun tells the client; others are told by the host. */
  #bad(error: ProxyError): void {
    const reply = this.#reply
    if (this.#at === 'left') return
    if (this.#at === 'replied' || this.#at === 'discarding') return this.#end()
    if (this.#at === 'serving' && reply !== undefined) {
      reply.closes = true
      this.#reader.stop()
      this.#clock.stop()
      if (!reply.broken(error)) this.destroy()
      return
    }
    const link = this.#link
    this.#leave()
    this.#host.onBad(error, link, this.client)
  }

  /** Nothing more is read or written here. */
  #leave(): void {
    if (this.#at === 'left') return
    const reply = this.#reply
    this.#at = 'left'
    this.#clock.stop()
    this.#reader.stop()
    this.#request = undefined
    this.#reply = undefined
    this.#host.onLeft(this)
    reply?.gone()
    this.client.leave()
  }
}
