/** Limits that this program enforces and OpenSSL, at security level 2, does not. */
import { excludesSome } from '../judge/name-constraints.js'
import { type CheckOutcome, GOOD } from './errors.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'

const X509_V_ERR_INVALID_PURPOSE = 26
const X509_V_ERR_EXCLUDED_VIOLATION = 48
const X509_V_ERR_EE_KEY_TOO_SMALL = 66
const X509_V_ERR_CA_KEY_TOO_SMALL = 67
const NID_NAME_CONSTRAINTS = 666
/** Bits of X509_get_extended_key_usage, which returns all ones without the extension. */
const XKU_SSL_SERVER = 0x1

/** Least bits by EVP_PKEY_get_base_id. OpenSSL rounds the strength of RSA to a multiple of 8: 1984 bits also count as 112. */
const LEAST_BITS: ReadonlyMap<number, number> = new Map([
  [6, 2048], // RSA
  [912, 2048], // RSA-PSS
  [116, 2048], // DSA
  [408, 224], // EC
])

/**
 * The first error of a path that OpenSSL has found good: keys that are too short, authorities for Netscape's server gated
 * crypto and not for servers, wildcards that include names which an authority must not certify.
 * @param chain X509, leaf first, the anchor included
 * @param built the same certificates as DER
 */
export function beyondOpenSsl(chain: readonly Handle[], built: readonly Buffer[]): CheckOutcome {
  const shortKey = keyOutcome(chain)
  if (shortKey !== GOOD) return shortKey
  const unfit = chain.findIndex(x509 => (ssl.X509_get_extended_key_usage(x509) & XKU_SSL_SERVER) === 0)
  if (unfit >= 0) return { code: X509_V_ERR_INVALID_PURPOSE, depth: unfit }
  const constrained = built.filter((_, i) => hasNameConstraints(chain[i]))
  const [leaf] = built
  if (leaf === undefined || !excludesSome(constrained, leaf)) return GOOD
  return { code: X509_V_ERR_EXCLUDED_VIOLATION, depth: 0 }
}

/** The first key of a path that is too short, for origins and clients. */
export function keyOutcome(chain: readonly Handle[]): CheckOutcome {
  const depth = chain.findIndex(x509 => !hasEnoughBits(ssl.X509_get0_pubkey(x509)))
  if (depth < 0) return GOOD
  return { code: depth === 0 ? X509_V_ERR_EE_KEY_TOO_SMALL : X509_V_ERR_CA_KEY_TOO_SMALL, depth }
}

function hasEnoughBits(key: Handle): boolean {
  if (key === NULL) return false
  return ssl.EVP_PKEY_get_bits(key) >= (LEAST_BITS.get(ssl.EVP_PKEY_get_base_id(key)) ?? 0)
}

const hasNameConstraints = (x509: Handle = NULL): boolean =>
  x509 !== NULL && ssl.X509_get_ext_by_NID(x509, NID_NAME_CONSTRAINTS, -1) >= 0
