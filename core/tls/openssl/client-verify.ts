/**
 * The C callback about certificates of clients: OpenSSL's own check, and behind it the sizes of keys, which OpenSSL
 * rounds. An exception must not reach C; it means: reject.
 */
import * as ssl from './library.js'
import { type Handle, NULL, registerVerifyCallback } from './library.js'
import { GOOD, X509_V_ERR_UNSPECIFIED } from './outcome.js'
import { keyOutcome } from './path-limits.js'
import { itemsOfStack } from './x509.js'

let registered: bigint | undefined

export function clientVerifyCallback(): bigint {
  registered ??= registerVerifyCallback(onVerify)
  return registered
}

/** @param context X509_STORE_CTX, valid during the call @returns 1 to go on, 0 to reject */
function onVerify(context: Handle): 0 | 1 {
  try {
    if (ssl.X509_verify_cert(context) !== 1) return 0
    const outcome = keyOutcome(itemsOfStack(ssl.X509_STORE_CTX_get0_chain(context)))
    if (outcome === GOOD) return 1
    ssl.X509_STORE_CTX_set_error_depth(context, outcome.depth)
    ssl.X509_STORE_CTX_set_error(context, outcome.code)
  } catch {
    if (context !== NULL) ssl.X509_STORE_CTX_set_error(context, X509_V_ERR_UNSPECIFIED)
  }
  return 0
}
