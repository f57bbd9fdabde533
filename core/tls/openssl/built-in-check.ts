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

/** Runs both checks. Only valid while OpenSSL's verify callback runs. */
export function runBuiltInCheck(store: Handle, host: string, isAddress: boolean): BuiltInCheck {
  ssl.X509_VERIFY_PARAM_set_auth_level(ssl.X509_STORE_CTX_get0_param(store), AUTH_LEVEL)
  const returned = ssl.X509_verify_cert(store)
  const error = ssl.X509_STORE_CTX_get_error(store)
  const code = returned === 1 ? X509_V_OK : error === X509_V_OK ? X509_V_ERR_UNSPECIFIED : error
  const mismatch = isAddress ? X509_V_ERR_IP_ADDRESS_MISMATCH : X509_V_ERR_HOSTNAME_MISMATCH
  const isFor = checkHost(ssl.X509_STORE_CTX_get0_cert(store), host, isAddress) === 1
  return {
    sent: derOfStack(ssl.X509_STORE_CTX_get0_untrusted(store)),
    built: derOfStack(ssl.X509_STORE_CTX_get0_chain(store)),
    signature: { code, depth: code === X509_V_OK ? -1 : ssl.X509_STORE_CTX_get_error_depth(store) },
    name: isFor ? { code: X509_V_OK, depth: -1 } : { code: mismatch, depth: 0 },
  }
}

/** OpenSSL's sentence for an X509_V_ERR number. */
export function x509ErrorText(code: number): string {
  return ssl.X509_verify_cert_error_string(code)
}
