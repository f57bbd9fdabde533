import type { ChainMemory } from './chain-memory.js'
import type { Handle } from './library.js'
import * as ssl from './library.js'
import { checkHost, derOfStack } from './x509.js'

/** No RSA below 2048 bits, no SHA-1 signatures, whatever Node's default is. */
const AUTH_LEVEL = 2
const X509_V_OK = 0
const X509_V_ERR_UNSPECIFIED = 1
const X509_V_ERR_HOSTNAME_MISMATCH = 62
const X509_V_ERR_IP_ADDRESS_MISMATCH = 64

/** The first error of one check: its X509_V_ERR number (0: none) and the certificate it concerns. */
export interface CheckOutcome {
  readonly code: number
  readonly depth: number
}

/** What OpenSSL makes of a chain for a name; computed, enforced by nobody yet. */
export interface BuiltInCheck {
  readonly sent: readonly Buffer[]
  readonly built: readonly Buffer[]
  /** Path, dates, usage, signatures, key strength. */
  readonly signature: CheckOutcome
  /** Whether the leaf is for the host. */
  readonly name: CheckOutcome
}

/** What the leaf may be for. */
export interface CheckedNames {
  /** The name or address the certificate must be for; names in ASCII. */
  readonly host: string
  readonly isAddress: boolean
  /** A second name; the certificate may be for either. */
  readonly alternative?: string
}

/** Runs both checks. Only valid while OpenSSL's verify callback runs. */
export function runBuiltInCheck(
  store: Handle,
  { host, isAddress, alternative }: CheckedNames,
  memory: ChainMemory,
): BuiltInCheck {
  const mismatch = isAddress ? X509_V_ERR_IP_ADDRESS_MISMATCH : X509_V_ERR_HOSTNAME_MISMATCH
  const leaf = ssl.X509_STORE_CTX_get0_cert(store)
  const isFor =
    checkHost(leaf, host, isAddress) === 1 ||
    (alternative !== undefined && checkHost(leaf, alternative, false) === 1)
  const name = isFor ? GOOD : { code: mismatch, depth: 0 }
  const sent = derOfStack(ssl.X509_STORE_CTX_get0_untrusted(store))
  const remembered = memory.recall(sent)
  if (remembered !== undefined) return { sent, built: remembered, signature: GOOD, name }
  const signature = verifyChain(store)
  const built = derOfStack(ssl.X509_STORE_CTX_get0_chain(store))
  if (signature === GOOD) memory.remember(sent, built)
  return { sent, built, signature, name }
}

const GOOD: CheckOutcome = Object.freeze({ code: X509_V_OK, depth: -1 })

function verifyChain(store: Handle): CheckOutcome {
  ssl.X509_VERIFY_PARAM_set_auth_level(ssl.X509_STORE_CTX_get0_param(store), AUTH_LEVEL)
  const returned = ssl.X509_verify_cert(store)
  const error = ssl.X509_STORE_CTX_get_error(store)
  if (returned === 1 && error === X509_V_OK) return GOOD
  const code = error === X509_V_OK ? X509_V_ERR_UNSPECIFIED : error
  return { code, depth: ssl.X509_STORE_CTX_get_error_depth(store) }
}

/** OpenSSL's sentence for an X509_V_ERR number. */
export function x509ErrorText(code: number): string {
  return ssl.X509_verify_cert_error_string(code)
}
