import { ProxyError } from '../../base/errors.js'
import type { RequestHead, ResponseSink } from '../../http1/messages.js'
import type { OriginConnector } from '../../origin/connect.js'
import type { ConnectionOwner } from '../../origin/connection-owner.js'
import type { Http1 } from '../../origin/http1.js'
import { askingOf } from '../listener/asking.js'
import type { ClientRequest } from '../listener/client-request.js'
import { userOf } from '../listener/proxy-auth.js'
import { HeldResponse, type HeldSink } from './held-response.js'
import type { TxnHooks } from './hooks.js'
import { isRepeatable } from './repeat.js'
import type { RequestBody } from './request-body.js'
import { type RequestTarget, urlOf } from './target.js'

/** Whose request it is, and who receives its response. */
export interface RequestOwner extends HeldSink {
  /** For a connection, or for plugins: neither origin nor client is expected to move. */
  onWaiting(): void
  /** It leaves now. */
  onSending(): void
}

/**
 * A request on its way to the origin, and the connection that it wants: from the pool, or new.
 *
 *     connecting -> ready (plugins look at what is to be sent) -> sent -> given back, or forgotten
 *         ^----------/--------------------------------------------/         (any) -> dropped
 *
 * Once at most it goes back: when a connection that had served before turns out to be closed before any byte of a
 * response, and the request may be repeated.
 */
export class OriginRequest {
  readonly #connector: OriginConnector
  readonly #owner: RequestOwner
  readonly #client: ConnectionOwner
  readonly #req: ClientRequest
  readonly #target: RequestTarget
  readonly #key: string
  readonly #hooks: TxnHooks | undefined
  readonly #body: RequestBody
  /** As it came, but for what plugins have changed where it came in. */
  #request: RequestHead
  #sent: RequestHead | undefined
  #abort: AbortController | undefined
  /** On which nothing has been sent yet, because plugins look at what is to be sent. */
  #ready: Http1 | undefined
  #held: HeldResponse | undefined
  #connection: Http1 | undefined
  #hasRetried = false
  /** The connection had served before. */
  isReused = false

  constructor(
    connector: OriginConnector,
    owner: RequestOwner,
    req: ClientRequest,
    target: RequestTarget,
    request: RequestHead,
    body: RequestBody,
    hooks: TxnHooks | undefined,
  ) {
    this.#connector = connector
    this.#owner = owner
    this.#client = req.client.ownerFor(userOf(req))
    this.#req = req
    this.#target = target
    this.#key = connector.keyOf(target)
    this.#request = request
    this.#body = body
    this.#hooks = hooks
  }

  /** The one that it was sent on. */
  get connection(): Http1 | undefined {
    return this.#connection
  }

  /** As it was sent, if it was. */
  get sent(): RequestHead | undefined {
    return this.#connection === undefined ? undefined : this.#sent
  }

  /** @param request as plugins have left it */
  start(request = this.#request): void {
    this.#request = request
    const idle = this.#connector.reuse(this.#key, this.#client)
    if (idle === undefined) this.#open()
    else this.#prepare(idle)
  }

  /** Sends it again if it may be. @returns whether it was lost before the origin could have seen it */
  repeat(error: ProxyError): boolean {
    const hasServed = (this.#connection?.requests ?? 0) > 1
    const hasLogin = this.#connection?.hasLogin === true // on another connection the client would not be logged in
    const mayRepeat = !this.#hasRetried && hasServed && !hasLogin && isRepeatable(this.#request)
    if (error.code !== 'PTC_ORIGIN_CLOSED' || !mayRepeat) return false
    this.#hasRetried = true
    this.#connection = undefined
    this.#open()
    return true
  }

  /** The client takes more of the response, which is read on unless plugins hold it. */
  resume(): void {
    if (this.#held?.isHolding !== true) this.#connection?.resume()
  }

  /** The response is complete: the next request may have the connection. */
  giveBack(): void {
    if (this.#connection !== undefined) this.#release(this.#connection)
  }

  /** Lets go of the connection, or of the attempt to have one. */
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

  /** All is over. */
  forget(): void {
    this.#connection = undefined
    this.#body.abandon()
  }

  #release(connection: Http1): void {
    this.#connector.release(this.#key, connection, this.#body.network)
  }

  #open(): void {
    this.#owner.onWaiting()
    const abort = new AbortController()
    this.#abort = abort
    const isWanted = (): boolean => this.#abort === abort
    const { network } = this.#body
    const transaction = { id: this.#hooks?.id, method: this.#request.method, url: urlOf(this.#target) }
    const by = { network, asking: askingOf(this.#req, transaction), owner: this.#client }
    this.#connector.open(this.#target, abort.signal, by).then(
      connection => this.#onOpen(connection, isWanted()),
      (error: unknown) => {
        if (isWanted()) this.#owner.fail(error)
      },
    )
  }

  #onOpen(connection: Http1, isWanted: boolean): void {
    if (!isWanted) return this.#release(connection)
    this.#abort = undefined
    this.#prepare(connection)
  }

  #prepare(connection: Http1): void {
    const hooks = this.#hooks
    if (hooks === undefined) return this.#send(connection, this.#request, this.#owner)
    const { headers } = this.#request
    this.#ready = connection
    this.#owner.onWaiting()
    connection.keep({ lost: () => this.#onLost(connection) })
    try {
      hooks.sendRequest(headers, connection.channel, (why, changed) => {
        if (why !== undefined) return this.#owner.fail(why)
        this.#ready = undefined
        if (hooks.looksAtResponses) this.#held = new HeldResponse(this.#owner, hooks, connection)
        const request = changed === headers ? this.#request : { ...this.#request, headers: changed }
        this.#send(connection, request, this.#held ?? this.#owner)
      })
    } catch (error) {
      this.#owner.fail(error)
    }
  }

  /** The origin has left while plugins looked at the request. Of a connection that had served before that is no news. */
  #onLost(connection: Http1): void {
    this.#ready = undefined
    this.#hooks?.abandon()
    const error = new ProxyError(
      'PTC_ORIGIN_CLOSED',
      'the origin left while a plugin was asked about the request',
    )
    if (connection.requests === 0 || connection.hasLogin || this.#hasRetried) return this.#owner.fail(error)
    this.#hasRetried = true
    this.#open()
  }

  #send(connection: Http1, request: RequestHead, sink: ResponseSink): void {
    this.#connection = connection
    this.#sent = request
    this.#owner.onSending()
    try {
      connection.send(request, sink, this.#client)
      this.isReused = connection.requests > 1
      if (request.body !== 'none' && request.body !== 0) this.#body.relayTo(connection)
    } catch (error) {
      this.#owner.fail(error)
    }
  }
}
