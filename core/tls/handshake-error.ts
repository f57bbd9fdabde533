import { asFault } from '../base/edge.js'
import { ProxyError } from '../base/errors.js'
import type { OpenSslError } from './openssl/errors.js'

/** The origin has ended the handshake with an alert. */
export class HandshakeAlert extends ProxyError {
  /** Its number (RFC 8446 section 6). */
  readonly alert: number

  constructor(alert: number, reason: string) {
    super('PTC_HANDSHAKE_ALERT', `the origin ended the TLS handshake with alert ${alert} (${reason})`)
    this.alert = alert
  }
}

/** The error of a handshake that the engine gave up. */
export function handshakeError(error: OpenSslError | undefined): ProxyError {
  const { reason, alert } = error ?? { reason: 'unknown', alert: undefined }
  if (alert === undefined) {
    return new ProxyError('PTC_HANDSHAKE_FAILED', `TLS handshake with the origin failed: ${reason}`)
  }
  return new HandshakeAlert(alert, reason)
}

/** The same for a handshake with a client. */
export function clientHandshakeError(error: OpenSslError | undefined): ProxyError {
  const { reason, alert } = error ?? { reason: 'unknown', alert: undefined }
  const how = alert === undefined ? reason : `the client ended it with alert ${alert} (${reason})`
  return new ProxyError('PTC_CLIENT_HANDSHAKE', `the TLS handshake with the client failed: ${how}`)
}

/** The error for anything thrown during a handshake with a client. */
export const asClientError = (cause: unknown): ProxyError => asFault('the handshake with a client', cause)
