import type { Current } from '../../base/current.js'
import type { ProxyError } from '../../base/errors.js'
import type { Http2Limits } from '../../http2/session.js'
import type { ClientLink } from '../../vconn/link.js'
import type { ClientInfo } from './client-info.js'
import type { ClientReply } from './client-reply.js'
import type { ClientRequest } from './client-request.js'

/** Milliseconds, unless said otherwise. */
export interface ListenerLimits {
  /** Bytes of a request's line and header fields together. */
  readonly maxHeaderBytes: number
  /** For a request's head, from its first byte; for the first head, from the begin of the connection. */
  readonly headersTimeout: number
  /** For the whole request, body included; 0 for no limit but the forwarder's idle timeout. */
  readonly requestTimeout: number
  /** Between two requests of a connection. */
  readonly keepAliveTimeout: number
  readonly http2: Http2Limits
}

/** A connection that a drain or a stop ends. */
export interface Drainable {
  /**
   * Called when the host has begun to drain: ends an idle connection now, and others after their request; a new one has a moment
   * for its first. Called again when the host drains no more.
   */
  drain(isOn: boolean): void
  /** Ends it at once; an incomplete response cannot look complete. */
  destroy(): void
}

/** The port on which clients connect. */
export interface ClientHost {
  readonly limits: Current<ListenerLimits>
  /** The lines about the connection in the head of a response after which it stays open. */
  readonly keepAliveLines: Current<string>
  /** Each connection ends when its request has ended. */
  readonly isDraining: boolean
  /** The head of a request has come. The host writes its reply, or takes its connection over. */
  onRequest(request: ClientRequest, reply: ClientReply): void
  /** A client sent bytes that are no request, or sent them too late. It has not been answered. */
  onBad(error: ProxyError, link: ClientLink, client: ClientInfo): void
  /** A client was cut off without an answer. */
  onCutOff(error: ProxyError, client: ClientInfo): void
  /** The connection has ended, or was handed over to another protocol. */
  onLeft(connection: Drainable): void
}

/** Milliseconds that a client has for the first byte of its first request, from when it connected or the drain began. */
export const FIRST_REQUEST = 1000

/** How long a new connection waits for the first byte of a request; milliseconds. @param usual 0 for no limit */
export function firstRequestTimeout({ isDraining }: Pick<ClientHost, 'isDraining'>, usual: number): number {
  return isDraining ? Math.min(FIRST_REQUEST, usual || FIRST_REQUEST) : usual
}
