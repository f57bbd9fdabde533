/**
 * The one C callback of the client side. OpenSSL calls it from within SSL_do_handshake when an origin's Certificate
 * message is in, and again each time the handshake is tried while it is parked. It finds the engine by the `SSL*`
 * and must never let an exception out: whatever goes wrong here means reject.
 */

import * as ssl from './library.js'
import { type Handle, NULL, registerVerifyCallback } from './library.js'

/** What OpenSSL is told: 1 go on (or, after SSL_set_retry_verify, park), 0 reject. */
export type VerifyAnswer = 0 | 1

/** An engine, as the callback sees it. */
export interface VerifySubject {
  /** @param store the X509_STORE_CTX, valid during the call */
  onVerify(store: Handle): VerifyAnswer
}

const X509_V_ERR_UNSPECIFIED = 1

const subjects = new Map<Handle, VerifySubject>()
let registered: bigint | undefined
let index = -1

/** Makes an engine findable from the moment its SSL exists. */
export function enroll(handle: Handle, subject: VerifySubject): void {
  subjects.set(handle, subject)
}

/** Before SSL_free: addresses are used again. */
export function dismiss(handle: Handle): void {
  subjects.delete(handle)
}

export function verifyCallback(): bigint {
  if (registered === undefined) {
    index = ssl.SSL_get_ex_data_X509_STORE_CTX_idx()
    registered = registerVerifyCallback(onVerify)
  }
  return registered
}

function onVerify(store: Handle): VerifyAnswer {
  try {
    const subject = subjects.get(ssl.X509_STORE_CTX_get_ex_data(store, index))
    if (subject !== undefined) return subject.onVerify(store)
  } catch {
    // Falls through to the rejection; an exception must not reach C.
  }
  if (store !== NULL) ssl.X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED)
  return 0
}
