/** Which connections a WebSocket may take where its origin speaks HTTP/2 (RFC 8441). */
import type { ProxyError } from '../base/errors.js'
import type { RequestHead } from '../http1/messages.js'
import { webSocketKey } from '../http2/extended-connect.js'
import { HandshakeAlert } from '../tls/handshake-error.js'
import type { OriginConnection } from './connection.js'
import { bindsConnection } from './connection-login.js'
import { Http1 } from './http1.js'
import type { Http2Session } from './http2-session.js'
import { settled } from './http2-sessions.js'

/** RFC 7301 section 3.2: no_application_protocol. */
const NO_APPLICATION_PROTOCOL = 120

/** Whether an origin has refused a handshake because HTTP/1.1 alone was offered. It does so before it shows a certificate. */
export const lacksHttp1 = (cause: unknown): cause is HandshakeAlert =>
  cause instanceof HandshakeAlert && cause.alert === NO_APPLICATION_PROTOCOL

/**
 * Whether an origin that has ended a new connection without an answer to a WebSocket may lack HTTP/1.1: it was offered that
 * alone, and has chosen nothing. Some origins do so in the place of an alert.
 */
export const mayLackHttp1 = (connection: OriginConnection | undefined, request: RequestHead): boolean =>
  connection instanceof Http1 &&
  connection.channel.peer !== undefined &&
  !connection.channel.protocol &&
  connection.requests <= 1 &&
  webSocketKey(request) !== undefined &&
  !bindsConnection(request.headers)

export const takesWebSockets = (session: Http2Session): boolean => session.takesWebSockets === true

/**
 * The place on a new connection, if its origin takes WebSockets there.
 * @param without thrown if it does not
 * @throws {ProxyError} that, or the signal's reason
 */
export async function webSocketPlace<T extends OriginConnection>(
  place: T,
  session: Http2Session,
  signal: AbortSignal,
  without: ProxyError,
): Promise<T> {
  try {
    await settled(session, signal)
    if (takesWebSockets(session)) return place
  } catch (cause) {
    place.close()
    throw cause
  }
  place.close()
  throw without
}
