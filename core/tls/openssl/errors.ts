import { ProxyError } from '../../base/errors.js'
import * as ssl from './library.js'

/** Results of SSL_get_error. */
export const SSL_ERROR = Object.freeze({
  SSL: 1,
  WANT_READ: 2,
  WANT_WRITE: 3,
  WANT_X509_LOOKUP: 4,
  ZERO_RETURN: 6,
  WANT_CLIENT_HELLO_CB: 11,
  WANT_RETRY_VERIFY: 12,
})

/** The first error of one check: its X509_V_ERR number (0: none) and the certificate it concerns. */
export interface CheckOutcome {
  readonly code: number
  readonly depth: number
}

export const X509_V_OK = 0
export const X509_V_ERR_UNSPECIFIED = 1
export const X509_V_ERR_CERT_REVOKED = 23

export const GOOD: CheckOutcome = Object.freeze({ code: X509_V_OK, depth: -1 })

/** SSL_AD_REASON_OFFSET: reasons above it are alerts that the peer sent. */
const ALERT_OFFSET = 1000
const REASON_MASK = 0x7fffff
const LIBRARY_SHIFT = 23
const ERR_LIB_SSL = 20

/** The first entry of OpenSSL's error queue. */
export interface OpenSslError {
  readonly reason: string
  /** The alert that the peer sent, if an alert is the error. */
  readonly alert: number | undefined
}

/** Empties the queue. */
export function takeError(): OpenSslError | undefined {
  const code = Number(ssl.ERR_get_error())
  if (code === 0) return undefined
  const text = ssl.ERR_reason_error_string(code) ?? `OpenSSL error 0x${code.toString(16)}`
  ssl.ERR_clear_error()
  const reason = code & REASON_MASK
  const isAlert =
    ((code >>> LIBRARY_SHIFT) & 0xff) === ERR_LIB_SSL && reason > ALERT_OFFSET && reason < ALERT_OFFSET + 256
  return { reason: text, alert: isAlert ? reason - ALERT_OFFSET : undefined }
}

/** The error for a setting that OpenSSL does not accept. */
export function contextError(what: string): ProxyError {
  return new ProxyError('PTC_TLS_CONTEXT', `${what}: ${takeError()?.reason ?? 'refused by OpenSSL'}`)
}
