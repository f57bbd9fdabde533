/** Sessions as bytes, and back. The bytes hold secrets, and are made and read for stores that seal them. */
import { d2i_SSL_SESSION, i2d_SSL_SESSION, SSL_SESSION_get_protocol_version } from './inbound-library.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { Owned } from './owned.js'

/** Larger than any session: a session holds one certificate at most. */
const MAX_SESSION_BYTES = 65_536
const TLS1_3_VERSION = 0x304

/** As i2d_SSL_SESSION writes it; undefined for one that is too large. */
export function sessionBytes(session: Handle): Buffer | undefined {
  const length = i2d_SSL_SESSION(session, null)
  if (length <= 0 || length > MAX_SESSION_BYTES) return undefined
  const bytes = Buffer.allocUnsafeSlow(length)
  return i2d_SSL_SESSION(session, [ssl.addressOf(bytes)]) === length ? bytes : undefined
}

/** The session in these bytes, if it is one of that version of TLS. The caller frees it. */
export function sessionFrom(bytes: Uint8Array, isTls13: boolean): Owned | undefined {
  if (bytes.length === 0 || bytes.length > MAX_SESSION_BYTES) return undefined
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  const handle = d2i_SSL_SESSION(NULL, [ssl.addressOf(copy)], copy.length)
  copy.fill(0) // a secret; this use also keeps the buffer alive until OpenSSL has read it
  ssl.ERR_clear_error()
  if (handle === NULL) return undefined
  const session = new Owned('SSL_SESSION', handle, ssl.SSL_SESSION_free)
  if ((SSL_SESSION_get_protocol_version(handle) === TLS1_3_VERSION) === isTls13) return session
  session.free()
  return undefined
}
