import type { Current } from '../../base/current.js'
import type { ProxyError } from '../../base/errors.js'
import type { ClientLink } from '../../vconn/link.js'
import type { ClientInfo } from './client-info.js'
import type { ClientReply } from './client-reply.js'
import type { ClientRequest } from './client-request.js'

/** Milliseconds, unless said otherwise. */
export interface ListenerLimits {
  /** Bytes of a request's line and header fields together. */
  readonly maxHeaderBytes: number
  /** For the request's head, from its first byte; and for that one, from the connection's begin. */
  readonly headersTimeout: number
  /** For the whole request, body included; 0 for none, the forwarder's idle timeout holds then. */
  readonly requestTimeout: number
  /** Between two requests of a connection. */
  readonly keepAliveTimeout: number
}

/** A connection, for whoever ends them all. */
export interface Drainable {
  /** Ends what waits for nothing, and lets the rest end. */
  drain(): void
  /** Ends it at once; a response that is not complete does not look so. */
  destroy(): void
}

/** The port on which clients connect. */
export interface ClientHost {
  readonly limits: Current<ListenerLimits>
  /** The lines about the connection in the head of a response after which it is kept. */
  readonly keepAliveLines: Current<string>
  /** Takes no new requests: each connection ends as soon as it waits for nothing. */
  readonly isDraining: boolean
  /** A request whose head has come; its reply is to be written, or its connection taken over. */
  onRequest(request: ClientRequest, reply: ClientReply): void
  /** What a client sent is no request, or did not come in time. It has been told nothing yet. */
  onBad(error: ProxyError, link: ClientLink, client: ClientInfo): void
  /** It has ended, or speaks another protocol from now on. */
  onLeft(connection: Drainable): void
}
