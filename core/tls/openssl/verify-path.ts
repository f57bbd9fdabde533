import { wrongPoint } from './crl.js'
import { type CheckOutcome, X509_V_ERR_UNSPECIFIED, X509_V_OK } from './errors.js'
import type { Handle } from './library.js'
import * as ssl from './library.js'
import { Owned } from './owned.js'
import { beyondOpenSsl } from './path-limits.js'
import { CHECK_FLAGS, derOfX509, itemsOfStack, ownStack } from './x509.js'

/** No RSA below 2048 bits, no SHA-1 signatures, whatever Node's default is. */
const AUTH_LEVEL = 2
const X509_V_FLAG_PARTIAL_CHAIN = 0x80000

/** A chain as an origin has sent it, and the trust for its check. Owned by the caller. */
export interface Presented {
  /** X509_STORE. */
  readonly store: Handle
  /** X509. */
  readonly leaf: Handle
  /** STACK_OF(X509): all that was sent, the leaf included. */
  readonly untrusted: Handle
}

/** One of several paths; OpenSSL sees no other certificates. Owned by the search. */
export interface ChosenPath {
  /** Leaf first. */
  readonly sent: readonly Handle[]
  /** The trust anchor at its end, and the certificates before it that are in the trust store, too. */
  readonly anchors: readonly Handle[]
  /** Whether it ends in an anchor that is no root: an authority that another one has certified. */
  readonly isPartial: boolean
}

/** A path and the result of its check. */
export interface JudgedPath {
  readonly outcome: CheckOutcome
  /** DER, leaf first; as far as OpenSSL could build it. */
  readonly built: readonly Buffer[]
  /** The same path as handles, only for comparison with other paths. */
  readonly key: string
}

/** The arguments that SSL passes to its verify callback; valid during the call. @param context X509_STORE_CTX */
export function presentedTo(context: Handle): Presented {
  return {
    store: ssl.X509_STORE_CTX_get0_store(context),
    leaf: ssl.X509_STORE_CTX_get0_cert(context),
    untrusted: ssl.X509_STORE_CTX_get0_untrusted(context),
  }
}

/** Runs X509_verify_cert once: dates, usage, signatures, key strength, revocation. What it builds is what it judges. */
export function verifyPath({ store, leaf, untrusted }: Presented, chosen?: ChosenPath): JudgedPath {
  const owned: Owned[] = []
  const own = (made: Owned): Handle => {
    owned.push(made)
    return made.handle
  }
  ssl.ERR_clear_error()
  try {
    const sent = chosen === undefined ? untrusted : own(ownStack(chosen.sent))
    const anchors = chosen === undefined ? undefined : own(ownStack(chosen.anchors))
    const context = own(new Owned('X509_STORE_CTX', ssl.X509_STORE_CTX_new(), ssl.X509_STORE_CTX_free))
    if (ssl.X509_STORE_CTX_init(context, store, leaf, sent) !== 1) return UNJUDGED
    if (ssl.X509_STORE_CTX_set_default(context, 'ssl_server') !== 1) return UNJUDGED
    if (anchors !== undefined) ssl.X509_STORE_CTX_set0_trusted_stack(context, anchors)
    const param = ssl.X509_STORE_CTX_get0_param(context)
    ssl.X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL)
    // Otherwise constraints would apply to a CN that is never compared with the host.
    ssl.X509_VERIFY_PARAM_set_hostflags(param, CHECK_FLAGS)
    if (chosen?.isPartial) ssl.X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN)
    return run(context, store)
  } finally {
    for (const made of owned.reverse()) made.free()
    // Errors of a failed path must not be found by the next reader of the queue.
    ssl.ERR_clear_error()
  }
}

const UNJUDGED: JudgedPath = { outcome: { code: X509_V_ERR_UNSPECIFIED, depth: 0 }, built: [], key: '' }

function run(context: Handle, store: Handle): JudgedPath {
  const returned = ssl.X509_verify_cert(context)
  const error = ssl.X509_STORE_CTX_get_error(context)
  const chain = itemsOfStack(ssl.X509_STORE_CTX_get0_chain(context))
  const built = chain.map(derOfX509)
  const key = chain.join()
  if (returned === 1 && error === X509_V_OK)
    return { outcome: wrongPoint(store, chain) ?? beyondOpenSsl(chain, built), built, key }
  const code = error === X509_V_OK ? X509_V_ERR_UNSPECIFIED : error
  return { outcome: { code, depth: ssl.X509_STORE_CTX_get_error_depth(context) }, built, key }
}
