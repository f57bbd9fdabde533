import type { Handle } from './library.js'
import * as ssl from './library.js'
import { Owned } from './owned.js'
import { derOfStack } from './x509.js'

/** No RSA below 2048 bits, no SHA-1 signatures, whatever Node's default is. */
const AUTH_LEVEL = 2
const X509_V_OK = 0
const X509_V_ERR_UNSPECIFIED = 1

/** The first error of one check: its X509_V_ERR number (0: none) and the certificate it concerns. */
export interface CheckOutcome {
  readonly code: number
  readonly depth: number
}

export const GOOD: CheckOutcome = Object.freeze({ code: X509_V_OK, depth: -1 })

/** A chain as an origin has sent it, and what it is judged against. Owned by the caller. */
export interface Presented {
  /** X509_STORE. */
  readonly store: Handle
  /** X509. */
  readonly leaf: Handle
  /** STACK_OF(X509): all that was sent, the leaf included. */
  readonly untrusted: Handle
}

/** A path, and what became of it. */
export interface JudgedPath {
  readonly outcome: CheckOutcome
  /** DER, leaf first; as far as OpenSSL could build it. */
  readonly built: readonly Buffer[]
}

/** What SSL hands its verify callback. Only valid while that runs. @param context X509_STORE_CTX */
export function presentedTo(context: Handle): Presented {
  return {
    store: ssl.X509_STORE_CTX_get0_store(context),
    leaf: ssl.X509_STORE_CTX_get0_cert(context),
    untrusted: ssl.X509_STORE_CTX_get0_untrusted(context),
  }
}

/** Builds a path to a trust anchor and verifies it: dates, usage, signatures, key strength, revocation. */
export function verifyPath({ store, leaf, untrusted }: Presented): JudgedPath {
  const owned = new Owned('X509_STORE_CTX', ssl.X509_STORE_CTX_new(), ssl.X509_STORE_CTX_free)
  try {
    const context = owned.handle
    if (ssl.X509_STORE_CTX_init(context, store, leaf, untrusted) !== 1) return UNJUDGED
    if (ssl.X509_STORE_CTX_set_default(context, 'ssl_server') !== 1) return UNJUDGED
    ssl.X509_VERIFY_PARAM_set_auth_level(ssl.X509_STORE_CTX_get0_param(context), AUTH_LEVEL)
    const outcome = outcomeOf(context, ssl.X509_verify_cert(context))
    return { outcome, built: derOfStack(ssl.X509_STORE_CTX_get0_chain(context)) }
  } finally {
    owned.free()
  }
}

const UNJUDGED: JudgedPath = { outcome: { code: X509_V_ERR_UNSPECIFIED, depth: 0 }, built: [] }

function outcomeOf(context: Handle, returned: number): CheckOutcome {
  const error = ssl.X509_STORE_CTX_get_error(context)
  if (returned === 1 && error === X509_V_OK) return GOOD
  const code = error === X509_V_OK ? X509_V_ERR_UNSPECIFIED : error
  return { code, depth: ssl.X509_STORE_CTX_get_error_depth(context) }
}
