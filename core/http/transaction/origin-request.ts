// Longer than 250 lines because the states of a request on its way, and all events that change them, are one concept.
import { atEdge } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import { trailerFields } from '../../http1/headers.js'
import type { RequestHead, ResponseSink } from '../../http1/messages.js'
import type { OriginConnector } from '../../origin/connect.js'
import { NotProcessed, type OriginConnection } from '../../origin/connection.js'
import type { ConnectionOwner } from '../../origin/connection-login.js'
import type { RoutedTarget } from '../../origin/open.js'
import { mayLackHttp1 } from '../../origin/web-sockets.js'
import type { BodyReader, ClientRequest } from '../listener/client-request.js'
import { HeldResponse, type HeldSink } from './held-response.js'
import type { TxnHooks } from './hooks.js'
import { CoalescedResponse } from './misdirected.js'
import { isRepeatable } from './outgoing.js'
import type { Seals } from './seals.js'
import { type RequestTarget, urlOf } from './target.js'

/** Owns the request, and receives its response. */
export interface RequestOwner extends HeldSink {
  /** The request waits for a connection or for plugins: neither origin nor client is expected to send. */
  onWaiting(): void
  /** The request is sent now. */
  onSending(): void
  /** The client has sent something. */
  readonly moved: () => void
}

/**
 * A request on its way to the origin, with its body, on a connection from the pool or a new one.
 *
 *     connecting -> ready (plugins look at what is to be sent) -> sent -> given back, or forgotten
 *         ^----------/--------------------------------------------/         (any) -> dropped
 *
 * It goes back at most once: when a connection that had served before turns out to be closed before any byte of a
 * response, and the request may be repeated. The body is read no faster than the origin takes it. It goes on to the origin
 * until the response is complete; the client's connection then discards the rest.
 */
export class OriginRequest implements BodyReader {
  readonly #connector: OriginConnector
  readonly #owner: RequestOwner
  readonly #req: ClientRequest
  readonly #client: ConnectionOwner
  readonly #target: RequestTarget & RoutedTarget
  readonly #hooks: TxnHooks | undefined
  /** As received, but for changes of plugins at the first hook. */
  #request: RequestHead
  #sent: RequestHead | undefined
  #abort: AbortController | undefined
  /** A connection on which nothing was sent yet: plugins look at what is to be sent. */
  #ready: OriginConnection | undefined
  #held: HeldResponse | undefined
  #connection: OriginConnection | undefined
  /** Where the body goes. */
  #relaysTo: OriginConnection | undefined
  /** Bytes of the body that come in spite of `pause`, while a request that is repeated has no connection. */
  #kept: Buffer[] | undefined
  /** What only the origin gets. */
  #seals: Seals | undefined
  #hasRetried = false
  /** The origin has asked for it in HTTP/1.1. */
  #wantsHttp1 = false
  /** How it has failed in HTTP/1.1, if the origin may speak HTTP/2 alone. */
  #without: ProxyError | undefined
  /** Whether the connection had served before. */
  isReused = false
  /** Bytes of the body that the client has sent. */
  bytes = 0

  constructor(
    connector: OriginConnector,
    owner: RequestOwner,
    req: ClientRequest,
    target: RequestTarget,
    request: RequestHead,
    hooks: TxnHooks | undefined,
  ) {
    this.#connector = connector
    this.#owner = owner
    this.#req = req
    this.#client = req.client.ownerFor(req.identity)
    const ways = connector.waysTo(target, () => ({
      method: request.method,
      url: urlOf(target),
      client: req.client.remoteAddress ?? '',
    }))
    const { scheme, host, isAddress, port, dialHost, path, authority } = target
    this.#target = { scheme, host, isAddress, port, dialHost, ways, path, authority }
    this.#request = request
    this.#hooks = hooks
  }

  /** The connection that the request was sent on. */
  get connection(): OriginConnection | undefined {
    return this.#connection
  }

  /** The request as it was sent; undefined before. */
  get sent(): RequestHead | undefined {
    return this.#connection === undefined ? undefined : this.#sent
  }

  /** Whether the origin waits for a client that is slow to send its body. */
  get isBodyAwaited(): boolean {
    return this.#relaysTo !== undefined && !this.#req.isComplete && !this.#req.isPaused
  }

  /** @param request as plugins have changed it */
  start(request = this.#request): void {
    this.#request = request
    const key = this.#connector.keyOf(this.#target)
    const idle = this.#connector.reuse(key, this.#req.client.network, this.#client, request)
    if (idle === undefined) this.#open()
    else if (isRepeatable(request)) this.#prepare(idle)
    else this.#prepareSoon(idle)
  }

  /** Sends the request again if it may be repeated. @returns whether it does */
  repeat(error: ProxyError): boolean {
    if (error instanceof NotProcessed) return this.#repeatUnprocessed(error)
    if (this.#takesStream(this.#connection, error)) return true
    const hasServed = (this.#connection?.requests ?? 0) > 1
    const hasLogin = this.#connection?.hasLogin === true // on another connection the client would not be logged in
    const mayRepeat = !this.#hasRetried && hasServed && !hasLogin && isRepeatable(this.#request)
    if (error.code !== 'PTC_ORIGIN_CLOSED' || !mayRepeat) return false
    this.#hasRetried = true
    this.#connection = undefined
    this.#open()
    return true
  }

  /** A WebSocket is asked for on a stream, once, where the origin may speak HTTP/2 alone. @returns whether it is */
  #takesStream(connection: OriginConnection | undefined, error: ProxyError): boolean {
    if (error.code !== 'PTC_ORIGIN_CLOSED' || this.#hasRetried) return false
    if (!mayLackHttp1(connection, this.#request)) return false
    this.#hasRetried = true
    this.#without = error
    this.#connection = undefined
    this.#open()
    return true
  }

  /** The origin has not acted on it: it may be repeated whatever its method, unless a part of its body is gone. */
  #repeatUnprocessed({ wantsHttp1 }: NotProcessed): boolean {
    if (!this.#mayRepeatUnprocessed) return false
    this.#hasRetried = true
    this.#wantsHttp1 = wantsHttp1
    this.#relaysTo = undefined
    this.#kept = []
    this.#req.pause()
    this.#connection = undefined
    this.#open()
    return true
  }

  get #mayRepeatUnprocessed(): boolean {
    return !this.#hasRetried && this.bytes === 0
  }

  /** The client takes more of the response, which is read on unless plugins hold it. */
  resume(): void {
    if (this.#held?.isHolding !== true) this.#connection?.resume()
  }

  /** The origin takes more of the body. */
  resumeBody(): void {
    this.#req.resume()
  }

  /** The response is complete: the connection returns to the pool. */
  giveBack(): void {
    if (this.#connection !== undefined) this.#release(this.#connection)
  }

  /** Closes the connection, or ends the attempt to open one. */
  drop(cause: ProxyError): void {
    const abort = this.#abort
    this.#abort = undefined
    abort?.abort(cause)
    this.#hooks?.abandon()
    this.#held?.abandon()
    this.#connection?.close(cause)
    const ready = this.#ready
    this.#ready = undefined
    if (ready !== undefined) this.#release(ready)
  }

  /** The transaction is over. */
  forget(): void {
    this.#connection = undefined
    this.#relaysTo = undefined
    this.#kept = undefined
    this.#seals = undefined
  }

  onBody(bytes: Buffer): void {
    this.bytes += bytes.length
    if (this.#kept === undefined) this.#relay(bytes)
    else this.#kept.push(bytes)
  }

  #relay(bytes: Buffer): void {
    if (!this.#isSealKept(seals => seals.checkBody(bytes))) return
    if (this.#relaysTo?.writeBody(bytes) === false) this.#req.pause()
    this.#owner.moved()
  }

  onBodyEnd(): void {
    const trailers = trailerFields(this.#req.rawTrailers)
    if (!this.#isSealKept(seals => seals.checkTrailers(trailers))) return
    this.#relaysTo?.endBody(trailers)
    this.#owner.moved() // from here on the origin is waited for
  }

  /** Ends the transaction where a plugin refuses a part of the body. */
  #isSealKept(check: (seals: Seals) => void): boolean {
    if (this.#seals === undefined || this.#relaysTo === undefined) return true
    try {
      check(this.#seals)
      return true
    } catch (error) {
      this.#relaysTo = undefined
      this.#owner.fail(error)
      return false
    }
  }

  #release(connection: OriginConnection): void {
    this.#connector.release(connection, this.#req.client.network)
  }

  #open(): void {
    this.#owner.onWaiting()
    const abort = new AbortController()
    this.#abort = abort
    const isWanted = (): boolean => this.#abort === abort
    const { network, clientEnds: from } = this.#req.client
    const transaction = { id: this.#hooks?.id, method: this.#request.method, url: urlOf(this.#target) }
    const needsHttp1 = this.#wantsHttp1 || this.#connector.needsHttp1(this.#request)
    const upgrade = this.#req.isUpgrade && !this.#wantsHttp1 ? this.#request : undefined
    const asking = this.#req.asking(transaction)
    const by = { network, from, asking, owner: this.#client, needsHttp1, upgrade, without: this.#without }
    this.#connector.open(this.#target, abort.signal, by).then(
      connection =>
        atEdge(
          'a request',
          () => this.#onOpen(connection, isWanted()),
          why => this.#owner.fail(why),
        ),
      (error: unknown) => {
        if (isWanted()) this.#owner.fail(error)
      },
    )
  }

  #onOpen(connection: OriginConnection, isWanted: boolean): void {
    if (!isWanted) return this.#release(connection)
    this.#abort = undefined
    if (this.#connector.isWithdrawn(connection, this.#target)) return this.#onWithdrawn(connection)
    const hasServed = connection.onMisdirected !== undefined
    if (!hasServed || isRepeatable(this.#request)) this.#prepare(connection)
    else this.#prepareSoon(connection)
  }

  /**
   * A request that cannot be repeated is sent when everything that has come from the origin was read: an end that waits in
   * the system is seen in the next poll of the event loop. `setImmediate` runs behind the present one.
   */
  #prepareSoon(connection: OriginConnection): void {
    this.#ready = connection
    this.#owner.onWaiting()
    connection.onIdleLost(() => this.#onLost(connection, 'before the request was sent'))
    const begin = this.#connector.waitBegins()
    const prepare = (): void => {
      if (this.#ready !== connection) return
      this.#ready = undefined
      if (!this.#connector.mayCarry(connection, this.#target, begin)) return this.#onWithdrawn(connection)
      this.#prepare(connection)
    }
    setImmediate(() =>
      setImmediate(() => atEdge('a request that is not repeated', prepare, why => this.#owner.fail(why))),
    )
  }

  #prepare(connection: OriginConnection): void {
    const hooks = this.#hooks
    if (hooks === undefined) return this.#send(connection, this.#request, this.#owner)
    const { headers } = this.#request
    this.#ready = connection
    this.#owner.onWaiting()
    connection.onIdleLost(() => this.#onLost(connection, 'while a plugin was asked about the request'))
    const begin = this.#connector.waitBegins()
    try {
      hooks.sendRequest(headers, connection.channel, (why, changed) => {
        if (why !== undefined) return this.#owner.fail(why)
        this.#ready = undefined
        if (!this.#connector.mayCarry(connection, this.#target, begin)) return this.#onWithdrawn(connection)
        if (hooks.looksAtResponses) this.#held = new HeldResponse(this.#owner, hooks, connection)
        const isSame = changed === headers
        const request = isSame ? this.#request : { ...this.#request, headers: changed } // seldom
        this.#seals = hooks.seals.isEmpty ? undefined : hooks.seals
        this.#send(connection, request, this.#held ?? this.#owner)
      })
    } catch (error) {
      this.#owner.fail(error)
    }
  }

  /** The origin has left before anything was sent. A connection that had served before is replaced once. */
  #onLost(connection: OriginConnection, when: string): void {
    this.#ready = undefined
    this.#hooks?.abandon()
    const isNew = connection.requests === 0 && connection.onMisdirected === undefined
    const why = new ProxyError('PTC_ORIGIN_CLOSED', `the origin left ${when}`)
    if (!this.#takesStream(connection, why)) this.#replace(isNew || connection.hasLogin, why)
  }

  /** A revocation or a reload has ended what it rests on, before anything was sent: the origin is judged anew, once. */
  #onWithdrawn(connection: OriginConnection): void {
    const { hasLogin } = connection // its end ends the login
    this.#release(connection)
    const why = 'a revocation or a reload ended the connection before the request was sent'
    this.#replace(hasLogin, new ProxyError('PTC_ORIGIN_CLOSED', why))
  }

  #replace(isLast: boolean, why: ProxyError): void {
    if (isLast || this.#hasRetried) return this.#owner.fail(why)
    this.#hasRetried = true
    this.#open()
  }

  #send(connection: OriginConnection, request: RequestHead, sink: ResponseSink): void {
    this.#connection = connection
    this.#sent = request
    this.#owner.onSending()
    try {
      // The log gets the request without what is sealed.
      const seals = this.#seals
      const shown = seals?.around(sink) ?? sink
      const received =
        connection.onMisdirected === undefined
          ? shown
          : new CoalescedResponse(shown, connection, () => this.#mayRepeatUnprocessed)
      connection.send(seals?.requestOf(request) ?? request, received, this.#client)
      this.isReused = connection.requests > 1
      if (request.body === 'none' || request.body === 0) return
      this.#relaysTo = connection
      const kept = this.#kept ?? []
      this.#kept = undefined
      for (const bytes of kept) this.#relay(bytes)
      this.#req.read(this)
      this.#owner.moved() // the client is waited for, unless its whole body was there
    } catch (error) {
      this.#owner.fail(error)
    }
  }
}
