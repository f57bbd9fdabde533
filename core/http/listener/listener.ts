import type { AddressInfo } from 'node:net'
import { safeUrl } from '../../base/authority.js'
import { type Current, derived } from '../../base/current.js'
import { atEdge, doAll, toProxyError } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import { after } from '../../base/timer.js'
import { type ClientLink, endGently } from '../../vconn/link.js'
import { errorReply, replyBytes, sendReply } from '../pages/replies.js'
import type { Pages } from '../pages/templates.js'
import type { Forwarder } from '../transaction/forward.js'
import { refusedSummary, type Summary } from '../transaction/summary.js'
import { type AcceptOptions, acceptClients, listen, type Take } from './accept.js'
import { ClientConnection } from './client-connection.js'
import { type ClientHost, type Drainable, FIRST_REQUEST, type ListenerLimits } from './client-host.js'
import type { ClientInfo } from './client-info.js'
import type { ClientReply } from './client-reply.js'
import type { ClientRequest, ConnectAnswers, Refusable } from './client-request.js'
import { Http2ClientConnection } from './http2-connection.js'

/** Takes a client's connection over from HTTP, with what came behind the request. */
export type ConnectionHandler = (
  req: ClientRequest,
  link: ClientLink,
  early: Buffer,
  answers?: ConnectAnswers,
) => void

/** A connection that reads from its start on. */
export interface StartedConnection extends Drainable {
  start(): void
}

export interface ListenerOptions extends AcceptOptions {
  /** Speaks another protocol than HTTP with the clients of this port. */
  readonly speak?: (
    link: ClientLink,
    client: ClientInfo,
    host: Pick<ClientHost, 'onLeft' | 'isDraining'>,
  ) => StartedConnection
  readonly forward: Pick<Forwarder, 'handle'>
  readonly limits: Current<ListenerLimits>
  /** CONNECT; without it the answer is 501. */
  readonly onConnect?: ConnectionHandler
  readonly admit?: Admit
  /** The operator's error pages. */
  readonly pages?: Current<Pages>
  /** Called for each request that never got to one of the others. */
  readonly onRefused?: (summary: Summary) => void
}

/** Says why a request is refused, before anything else is done with it. */
export type Admit = (req: ClientRequest) => ProxyError | undefined | Promise<ProxyError | undefined>

/** A port, not yet open. */
export interface Listener {
  /** Serves a connection that was accepted elsewhere. While the port drains, it serves one request of it. */
  readonly take: Take
  /** @throws {ProxyError} PTC_PORT_UNAVAILABLE */
  listen(port: number, host: string): Promise<AddressInfo>
  /**
   * Ends the idle connections, and the others when their request has ended; each new one has one request. @param isOn false: keeps
   * connections again
   */
  drain(isOn: boolean): void
  /** Takes no new connections, drains, and ends what is left after `grace` milliseconds. */
  close(grace: number): Promise<void>
}

/** Speaks HTTP with clients on one port. */
export function createListener(options: ListenerOptions): Listener {
  const host = new ListenerHost(options)
  const accept: Take = (link, client) => (host.isClosed ? link.destroy() : host.take(link, client))
  const listener = acceptClients(options, accept)
  return {
    take: host.take,
    drain: host.drain,
    listen: (port, address) => listen(listener.server, port, address),
    close: grace =>
      new Promise(resolve => {
        const end = (): void =>
          void doAll(
            'the end of a port',
            () => host.destroyAll(),
            () => listener.destroyAll(),
          )
        const abandon = (): void => {
          host.isClosed = true
          listener.abandon()
        }
        const timers = [
          after(grace, end, () => resolve()),
          after(Math.min(grace, FIRST_REQUEST), abandon, () => resolve()),
        ]
        listener.server.close(() => {
          for (const timer of timers) clearTimeout(timer)
          resolve()
        })
        host.isClosing = true
        host.drain(true)
      }),
  }
}

/** The client connections of one port that speak HTTP. Life: serving <-> draining -> closing. */
class ListenerHost implements ClientHost {
  readonly #options: ListenerOptions
  readonly #connections = new Set<Drainable>()
  readonly limits: Current<ListenerLimits>
  readonly keepAliveLines: Current<string>
  isDraining = false
  /** The drain is the last. */
  isClosing = false
  /** New connections are closed. */
  isClosed = false

  constructor(options: ListenerOptions) {
    this.#options = options
    this.limits = options.limits
    this.keepAliveLines = derived(options.limits, keepAliveLines)
  }

  readonly take: Take = (link, client) => {
    const connection = this.#options.speak?.(link, client, this) ?? this.#speakHttp(link, client)
    this.#connections.add(connection) // before it reads: it may be over after its first bytes
    connection.start()
  }

  #speakHttp(link: ClientLink, client: ClientInfo): StartedConnection {
    return client.protocol === 'h2'
      ? new Http2ClientConnection(link, client, this)
      : new ClientConnection(link, client, this)
  }

  readonly drain = (isOn: boolean): void => {
    this.isDraining = isOn || this.isClosing
    for (const connection of this.#connections) connection.drain(this.isDraining)
  }

  destroyAll(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  onLeft(connection: Drainable): void {
    this.#connections.delete(connection)
  }

  onRequest(req: ClientRequest, res: ClientReply): void {
    const startedAt = performance.now()
    const onFault = (why: ProxyError): void => {
      res.cut()
      this.#tellRefused(why, startedAt, req, 0)
    }
    const go = (refusal: ProxyError | undefined): void => {
      // The client comes back on another connection, on which it can log in. In HTTP/2 this one takes no further stream.
      if (refusal?.code === 'PTC_LOGIN_ENDED') res.closes = true
      if (res.isGone) {
        const gone = new ProxyError('PTC_CLIENT_GONE', 'the client left before it was admitted')
        this.#tellRefused(refusal ?? gone, startedAt, req, 0)
      } else if (req.method === 'CONNECT') this.#connect(req, startedAt, refusal)
      else if (refusal !== undefined) {
        sendReply(res, errorReply(refusal, { host: undefined }, req.headers, this.#options.pages?.()))
        this.#tellRefused(refusal, startedAt, req)
      } else this.#options.forward.handle(req, res)
    }
    whenAdmitted(this.#options.admit, req, go, onFault)
  }

  #connect(req: ClientRequest, startedAt: number, refusal: ProxyError | undefined): void {
    const { link, early, answers } = req.takeOver()
    const { onConnect, pages } = this.#options
    const missing = new ProxyError('PTC_NOT_IMPLEMENTED', 'this port does not serve CONNECT')
    const error = refusal ?? (onConnect === undefined ? missing : undefined)
    if (error === undefined) return onConnect?.(req, link, early, answers)
    if (answers === undefined) refuse(link, error, req, pages?.())
    else answers.refuse(req, link, error, pages?.())
    this.#tellRefused(error, startedAt, req)
  }

  onBad(error: ProxyError, link: ClientLink, { remoteAddress }: ClientInfo): void {
    refuse(link, error, undefined, this.#options.pages?.())
    this.#options.onRefused?.(refusedSummary(undefined, error.status, 0, error, remoteAddress))
  }

  onCutOff(error: ProxyError, { remoteAddress }: ClientInfo): void {
    this.#options.onRefused?.(refusedSummary(undefined, 0, 0, error, remoteAddress))
  }

  #tellRefused(error: ProxyError, startedAt: number, req: ClientRequest, status = error.status): void {
    this.#options.onRefused?.(refusedSummary(req, status, performance.now() - startedAt, error))
  }
}

const keepAliveLines = ({ keepAliveTimeout }: ListenerLimits): string =>
  `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveTimeout / 1000)}\r\n`

/**
 * Goes on at once where the answer is there at once; an admission that fails is none. Where it takes time, there is no
 * caller any more that could catch what goes wrong then: that is for `onFault`.
 */
export function whenAdmitted(
  admit: Admit | undefined,
  req: ClientRequest,
  go: (refusal: ProxyError | undefined) => void,
  onFault: (why: ProxyError) => void,
): void {
  const answer = admit?.(req)
  if (!(answer instanceof Promise)) go(answer)
  else {
    void answer
      .catch((cause: unknown) => toProxyError(cause, 'the client could not be admitted'))
      .then(refusal => atEdge('a request', () => go(refusal), onFault))
  }
}

/** Answers on a connection that is no longer HTTP's, and closes it. */
export function refuse(link: ClientLink, error: ProxyError, req?: Refusable, pages?: Pages): void {
  const host = req?.method === 'CONNECT' ? safeUrl(req.url) : undefined
  link.write(replyBytes(errorReply(error, { host }, req?.headers ?? {}, pages)))
  endGently(link) // what the client still sends is read, or closing would reset the connection before it has the page
}
