import { ProxyError } from '../../base/errors.js'
import * as ssl from './library.js'

/** SSL_AD_REASON_OFFSET: reasons above it are alerts that the other side sent. */
const ALERT_OFFSET = 1000
const REASON_MASK = 0x7fffff
const LIBRARY_SHIFT = 23
const ERR_LIB_SSL = 20

/** The first entry of OpenSSL's error queue, which is left empty. */
export interface OpenSslError {
  readonly reason: string
  /** The alert that the other side sent, if that is what went wrong. */
  readonly alert: number | undefined
}

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

/** The error for a configuration that OpenSSL does not accept. */
export function contextError(what: string): ProxyError {
  return new ProxyError('PTC_TLS_CONTEXT', `${what}: ${takeError()?.reason ?? 'refused by OpenSSL'}`)
}
