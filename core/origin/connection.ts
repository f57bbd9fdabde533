import type { VConn } from '../api/vconn.js'
import { ProxyError } from '../base/errors.js'
import type { RequestHead, ResponseSink } from '../http1/messages.js'
import type { TlsOrigin } from '../tls/outbound/start-tls.js'
import type { Link } from '../vconn/link.js'
import type { ConnectionOwner } from './connection-login.js'
import type { AbsoluteForm } from './parents/http-connect.js'

declare const plain: unique symbol

/** A connection that carries plain HTTP because the request's scheme is `http`. {@link plainOrigin} makes it. */
interface PlainOrigin {
  readonly link: Link
  readonly peer?: undefined
  readonly revocations?: undefined
  readonly vconn: VConn | undefined
  /** Where the connection ends at a parent proxy. */
  readonly form: AbsoluteForm | undefined
  readonly [plain]: true
}

/** What a request may be sent on: a plain connection to an `http` target, or one whose origin has been accepted. */
export type Channel = PlainOrigin | TlsOrigin

export function plainOrigin(
  link: Link,
  vconn: VConn | undefined,
  _target: { readonly scheme: 'http' },
  form?: AbsoluteForm,
): PlainOrigin {
  return { link, vconn, form } as PlainOrigin
}

/**
 * What one request is sent on, whatever the version of HTTP: a connection of HTTP/1.1, or a place for one stream on a
 * connection of HTTP/2.
 *
 * Life: idle -> busy, with the calls of a sink -> idle again, or closed.
 */
export interface OriginConnection {
  readonly protocol: 'http/1.1' | 'h2'
  readonly channel: Channel
  readonly isIdle: boolean
  /** The number of requests sent on the connection, the present one included. */
  readonly requests: number
  /** The one client whose requests it may carry; undefined: all clients. */
  readonly owner: ConnectionOwner | undefined
  /** Whether its end ends a login. */
  readonly hasLogin: boolean
  /**
   * Set where the connection was opened for another name, and was found good for that of the request as well. To be called
   * when the origin answers 421: the name then gets connections of its own.
   */
  readonly onMisdirected?: (() => void) | undefined
  /** Calls `listener` when it cannot be used any more, before a request was sent. The next `send` ends that. */
  onIdleLost(listener: () => void): void
  /** @param client the client of the request */
  send(request: RequestHead, sink: ResponseSink, client: ConnectionOwner): void
  /** @returns false: wait for `onDrain` */
  writeBody(bytes: Buffer): boolean
  /** The body is complete. Trailers are sent where its framing has a place for them. */
  endBody(trailers: readonly string[]): void
  pause(): void
  resume(): void
  /** Ends the request in flight, whose sink is not called any more. A connection of HTTP/1.1 ends with it. */
  close(cause?: ProxyError): void
}

/** An origin has certainly not acted on a request, which may be sent again on another connection. */
export class NotProcessed extends ProxyError {
  /** It wants the request in HTTP/1.1. */
  readonly wantsHttp1: boolean

  constructor(message: string, wantsHttp1: boolean) {
    super('PTC_ORIGIN_CLOSED', message)
    this.wantsHttp1 = wantsHttp1
  }
}
