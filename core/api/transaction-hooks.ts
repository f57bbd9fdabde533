import type { Certificate, PeerEvidence } from './certificate.js'
import type { Parked } from './parked.js'
import type { Seal } from './seal.js'
import type { VConn } from './vconn.js'

/**
 * What plugins keep on a transaction, by plugin name. A plugin adds its own key by declaration merging:
 *
 * ```ts
 * declare module 'portcullis/plugin' {
 *   interface TxnArgs { timing: { readonly began: number } }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging in plugins
export interface TxnArgs {}

/**
 * The header fields of a message, in the order in which they came. Names are compared without regard to case.
 *
 * What changes them throws a {@link ProxyError} PTC_PLUGIN_CALL for a field that belongs to the connection or frames the
 * body (Connection, Content-Length, Host, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade), for a
 * name that is no token, for a value with control characters or beyond Latin-1, and once the plugin's turn is over.
 */
export interface HeaderFields {
  /** The values of all fields of that name, joined by `, `; undefined if there is none. */
  readonly get: (name: string) => string | undefined
  readonly getAll: (name: string) => readonly string[]
  /** Replaces all fields of that name, at the place of the first; several values make several fields. */
  readonly set: (name: string, value: string | readonly string[]) => void
  /** Adds a field at the end. */
  readonly append: (name: string, value: string) => void
  /** @returns whether there was one */
  readonly remove: (name: string) => boolean
  readonly entries: () => readonly (readonly [name: string, value: string])[]
}

/** Where a request goes, or has gone. */
export interface TxnOrigin {
  readonly vconn: VConn
  /** As sent by the origin when it was accepted, leaf first; empty for plain HTTP. */
  readonly chain: readonly Certificate[]
  /**
   * What the origin at the other end of this very connection was accepted for. Undefined where nothing was verified: plain
   * HTTP, and `proxy.config.ssl.client.verify.server` 0. A plugin or a permissive policy may have accepted an origin that
   * failed the built-in check: its result is in here.
   */
  readonly verified: PeerEvidence | undefined
}

/** What the events of one request and its response have in common. Parked until `reenable`. */
export interface TxnEvent extends Parked {
  /** The id of the transaction: unique in this process, ascending. */
  readonly id: number
  /** The connection that the message came on, or goes to. */
  readonly vconn: VConn
  /** The client's, whose request it is. */
  readonly client: VConn
  /** The name under which the client has logged in to the proxy for this request; undefined without a login. */
  readonly user: string | undefined
  /** The groups of that name, sorted; empty without a login. */
  readonly groups: readonly string[]
  /** Undefined where there is none, or none any more: an error page, say. */
  readonly origin: TxnOrigin | undefined
  readonly method: string
  /** Absolute: scheme, host, port and path. Of a CONNECT, `host:port`. */
  readonly url: string
  /** The fields of the message that the hook is about. */
  readonly headers: HeaderFields
  /** Lives as long as the transaction, its close hook included. */
  readonly args: Partial<TxnArgs>
}

/**
 * What a continuation on TS_HTTP_READ_REQUEST_HDR_HOOK receives: a request that is valid, before its origin is chosen.
 * A rejection is answered 403.
 */
export interface ReadRequestEvent extends TxnEvent {}

/**
 * What a continuation on TS_HTTP_SEND_REQUEST_HDR_HOOK receives: the request as it is about to leave, to an origin that
 * is connected and accepted. A rejection is answered 403, and nothing is sent.
 */
export interface SendRequestEvent extends TxnEvent {
  readonly origin: TxnOrigin
  /**
   * Puts something between the proxy and this origin that others do not see, for this request on this connection. Counts
   * if all plugins accept; later plugins are shown the request without it. If the request is sent again, the hook is
   * called again, and what was sealed before is dropped.
   * @throws {ProxyError} PTC_PLUGIN_CALL for what is no seal, when the turn is over, and in a worker
   */
  readonly seal: (seal: Seal) => void
}

/** What a continuation on TS_HTTP_READ_RESPONSE_HDR_HOOK receives: the origin's response. A rejection is answered 502. */
export interface ReadResponseEvent extends TxnEvent {
  readonly origin: TxnOrigin
  readonly status: number
}

/**
 * What a continuation on TS_HTTP_SEND_RESPONSE_HDR_HOOK receives: the response as it is about to go to the client, error
 * pages of the proxy included. A rejection is answered 502, about which no plugin is asked.
 */
export interface SendResponseEvent extends TxnEvent {
  readonly status: number
}
