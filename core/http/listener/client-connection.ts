// Longer than 250 lines because the states of a connection, and all events that change them, are one concept.

import { Deadline } from '../../base/deadline.js'
import { toProxyError } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import { type ReceivedHead, RequestReader, type RequestSink } from '../../http1/request-reader.js'
import { LINGER, Linger } from '../../vconn/linger.js'
import type { ClientLink, LinkSink } from '../../vconn/link.js'
import { type ClientHost, firstRequestTimeout } from './client-host.js'
import type { ClientInfo } from './client-info.js'
import { type BodySource, ClientRequest } from './client-request.js'
import { Http1Reply, type ReplyOutput } from './http1-reply.js'

/** Bytes that a client may send ahead; beyond them, reading pauses until the present reply has been sent. */
const MAX_AHEAD = 65_536
const SETTLED = Promise.resolve()

/**
 * HTTP/1.1 with one client, over plain TCP or TLS. One request at a time (RFC 9112 section 9.3.2): requests sent ahead are
 * parsed when the system has taken the last byte of the response before them.
 *
 *     new -> serving -> replied -> (discarding ->) idle -> serving …      (any) -> left: closed, or handed over
 *
 * Reading goes on all the time, within a limit, because only reading shows that the client has left. A half-close counts as
 * a disconnect.
 */
export class ClientConnection implements LinkSink, ReplyOutput, BodySource, RequestSink<ClientRequest> {
  readonly client: ClientInfo
  readonly #link: ClientLink
  readonly #host: ClientHost
  readonly #reader: RequestReader<ClientRequest>
  readonly #deadline: Deadline
  #at: 'new' | 'idle' | 'serving' | 'replied' | 'discarding' | 'left' = 'new'
  #request: ClientRequest | undefined
  #reply: Http1Reply | undefined
  #isPaused = false
  /** Sent bytes wait for the client. */
  #isBlocked = false
  #isReading = false
  #isContinuing = false
  #flushesSoon = false
  /** While a body is discarded. */
  #linger: Linger | undefined

  readonly #onFault = (why: ProxyError): void => this.#link.destroy(why)

  constructor(link: ClientLink, client: ClientInfo, host: ClientHost) {
    this.#link = link
    this.client = client
    this.#host = host
    this.#deadline = new Deadline({ onFault: this.#onFault, onTime: () => this.#onTime() })
    client.onLoginLost = () => this.#endSoon()
    this.#reader = new RequestReader(this, host.limits().maxHeaderBytes)
  }

  /** Begins to read. Bytes that have arrived may be delivered within this call, and may end the connection. */
  start(): void {
    this.#deadline.set(firstRequestTimeout(this.#host, this.#host.limits().headersTimeout))
    this.#link.attach(this)
    if (this.#at !== 'left' && !this.#isPaused) this.#link.resume()
  }

  /** A client that has only just connected has its request on the way: to end now would look like a proxy that is down. */
  drain(isOn: boolean): void {
    if (this.#reader.isInHead) return // its reply will say so
    if (this.#at === 'new')
      this.#deadline.set(firstRequestTimeout(this.#host, this.#host.limits().headersTimeout))
    else if (isOn) this.#endSoon()
  }

  /** Takes no further request. The reply to the present one says so, unless its head is already fixed. */
  #endSoon(): void {
    if (this.#at === 'new' || this.#at === 'idle') this.destroy()
    else if (this.#reply?.headersSent === false) this.#reply.closes = true
  }

  /** Ends the connection at once: with a reset where an orderly end would mark an incomplete body as complete. */
  destroy(): void {
    if (this.#isOpenEnded && !this.#isSent) this.#link.reset()
    else this.#link.destroy()
    this.#leave()
  }

  onData(bytes: Buffer): void {
    if (this.#at === 'left') return
    if (this.#linger?.heard(bytes.length) === false) return this.destroy()
    const isBegin = !this.#reader.isInHead
    this.#read(() => this.#reader.take(bytes))
    if (isBegin && this.#reader.isInHead) this.#deadline.set(this.#host.limits().headersTimeout)
  }

  onDrain(): void {
    this.#isBlocked = false
    this.#reply?.drained()
    this.#continue()
  }

  onEnd(): void {
    if (this.#at === 'left') return
    if (this.#reader.isInHead)
      this.#bad(new ProxyError('PTC_REQUEST_MALFORMED', 'the request ended within its head'))
    else if (this.#at !== 'serving' && this.client.isSending) this.#end()
    else this.destroy()
  }

  onClose(): void {
    this.#leave()
  }

  open(head: ReceivedHead): ClientRequest {
    return new ClientRequest(this.client, this, head)
  }

  onRequest(request: ClientRequest, keepsAlive: boolean): void {
    const closes = !keepsAlive || request.httpVersion === '1.0' || request.isUpgrade || this.#host.isDraining
    const reply = new Http1Reply(this, request, closes)
    this.#at = 'serving'
    this.#request = request
    this.#reply = reply
    this.#deadline.set(request.isComplete ? 0 : this.#host.limits().requestTimeout)
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
    return { link: this.#link, early: this.#reader.unparsed }
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

  /** With a promise, because `queueMicrotask` makes an object for async hooks. */
  flushSoon(): void {
    if (this.#flushesSoon) return
    this.#flushesSoon = true
    void SETTLED.then(this.#flush)
  }

  replied(): void {
    if (this.#at === 'left') return
    this.#at = 'replied'
    if (this.#isBlocked) this.#deadline.set(this.#host.limits().headersTimeout)
    this.#continue()
  }

  /** Lets the reader parse, then continues with the result. */
  #read(look: () => void): void {
    if (this.#isReading) return look()
    this.#look(look)
    this.#continue()
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

  /** Goes on to the next request after a sent reply, and reads on if the client may send more. Not within the reader. */
  #continue(): void {
    if (this.#isReading || this.#isContinuing) return
    this.#isContinuing = true
    try {
      this.#nextRequests()
    } finally {
      this.#isContinuing = false
    }
    if (this.#at === 'left') return
    if (this.#reader.unparsed.length > MAX_AHEAD || this.#request?.isPaused) this.#pause()
    else if (this.#isPaused) {
      this.#isPaused = false
      this.#link.resume()
    }
  }

  /** A loop, because a thousand requests may have been sent ahead, each answered at once. */
  #nextRequests(): void {
    while (this.#at === 'replied' && !this.#isBlocked) {
      this.#endTurn()
      if (!this.#isIdle || this.#reader.unparsed.length === 0) continue
      this.#look(this.#run)
      if (this.#reader.isInHead) this.#deadline.set(this.#host.limits().headersTimeout)
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

  /** The system has taken the response: the connection ends, or waits for the next request. */
  #endTurn(): void {
    const request = this.#request
    if (this.#reply?.closes !== false || request === undefined) return this.#end()
    if (!request.isComplete) return this.#discard(request)
    this.#request = undefined
    this.#reply = undefined
    if (this.#host.isDraining || this.client.hasLostLogin) return this.#end()
    this.#at = 'idle'
    this.#reader.next()
    this.#deadline.set(this.#host.limits().keepAliveTimeout)
  }

  /** Discards the rest of the body. A client that pauses in it, or does not end it in time, is cut off. */
  #discard(request: ClientRequest): void {
    this.#at = 'discarding'
    this.#linger = new Linger(this.#host.limits().headersTimeout)
    this.#deadline.set(LINGER)
    const onBodyEnd = (): void => {
      this.#linger = undefined
      this.#at = 'replied'
      this.#continue()
    }
    request.read({ onBody: () => {}, onBodyEnd })
  }

  #end(): void {
    const isOpenEnded = this.#isOpenEnded
    this.#leave()
    this.client.end(this.#host.limits().headersTimeout, isOpenEnded)
  }

  /** Whether only the end of the connection ends the reply. */
  get #isOpenEnded(): boolean {
    return this.#reply?.framing === 'close'
  }

  /** Whether the system has taken all of the reply. */
  get #isSent(): boolean {
    return this.#reply?.isEnded === true && !this.client.isSending
  }

  #onTime(): void {
    const { headersTimeout, requestTimeout } = this.#host.limits()
    const late = (ms: number): void =>
      this.#bad(new ProxyError('PTC_REQUEST_TIMEOUT', `the request did not arrive in time (${ms} ms)`))
    if (this.#reader.isInHead) late(headersTimeout)
    else if (this.#linger?.look()) this.#deadline.set(LINGER)
    else if (this.#at !== 'serving') this.destroy()
    else if (this.#request?.isComplete === false) late(requestTimeout)
  }

  /** A bad request. The reply's watcher answers a request that has begun; the host answers others. */
  #bad(error: ProxyError): void {
    const reply = this.#reply
    if (this.#at === 'left') return
    if (this.#at === 'replied' || this.#at === 'discarding') return this.#end()
    if (this.#at === 'serving' && reply !== undefined) {
      reply.closes = true
      this.#reader.stop()
      this.#deadline.stop()
      if (!reply.broken(error)) this.destroy()
      return
    }
    const link = this.#link
    this.#leave()
    this.#host.onBad(error, link, this.client)
  }

  /** Ends reading and writing here. */
  #leave(): void {
    if (this.#at === 'left') return
    const reply = this.#reply
    this.#at = 'left'
    this.#deadline.stop()
    this.#reader.stop()
    this.#request = undefined
    this.#reply = undefined
    this.#host.onLeft(this)
    reply?.gone()
    this.client.leave()
  }
}
