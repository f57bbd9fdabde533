import type { ChainMemory } from './chain-memory.js'
import { type CheckOutcome, GOOD } from './errors.js'
import * as ssl from './library.js'
import { findPath } from './path-search.js'
import type { Presented } from './verify-path.js'
import { checkHost, derOfStack } from './x509.js'

const X509_V_ERR_HOSTNAME_MISMATCH = 62
const X509_V_ERR_IP_ADDRESS_MISMATCH = 64

/** OpenSSL's result for a chain and a name. It is computed here and enforced later. */
export interface BuiltInCheck {
  readonly sent: readonly Buffer[]
  readonly built: readonly Buffer[]
  /** Path, dates, usage, signatures, key strength. */
  readonly signature: CheckOutcome
  /** Whether the leaf names the host. */
  readonly name: CheckOutcome
}

/** The names that the leaf may have. */
export interface CheckedNames {
  /** The name or address the certificate must be for; names in ASCII. */
  readonly host: string
  readonly isAddress: boolean
  /** A second name; the certificate may be for either. */
  readonly alternative?: string
}

/** Runs both checks on the chain that an origin has sent. */
export function runBuiltInCheck(
  presented: Presented,
  { host, isAddress, alternative }: CheckedNames,
  memory: ChainMemory,
): BuiltInCheck {
  const { leaf } = presented
  const mismatch = isAddress ? X509_V_ERR_IP_ADDRESS_MISMATCH : X509_V_ERR_HOSTNAME_MISMATCH
  const isFor =
    checkHost(leaf, host, isAddress) === 1 ||
    (alternative !== undefined && checkHost(leaf, alternative, false) === 1)
  const name = isFor ? GOOD : { code: mismatch, depth: 0 }
  const sent = derOfStack(presented.untrusted)
  const remembered = memory.recall(sent)
  if (remembered !== undefined) return { sent, built: remembered, signature: GOOD, name }
  const { outcome: signature, built } = findPath(presented)
  if (signature === GOOD) memory.remember(sent, built)
  return { sent, built, signature, name }
}

/** OpenSSL's text for an X509_V_ERR number. */
export function x509ErrorText(code: number): string {
  return ssl.X509_verify_cert_error_string(code)
}
