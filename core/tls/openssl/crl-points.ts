import { haveNames } from '../judge/crl-kind.js'
import { bytesOf } from './crl-facts.js'
import * as crls from './crl-library.js'
import type { CheckOutcome } from './errors.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'

const CRYPTO_EX_INDEX_X509_STORE = 4
const NID_CRL_DISTRIBUTION_POINTS = 103
const X509_V_ERR_DIFFERENT_CRL_SCOPE = 44

/** Which certificates of a chain are looked up in the lists of a store. */
const ASKED = { none: 0, leaf: 1, all: 2 } as const

/** The index of this value in a store: the native object carries it, so every path is verified with it. */
const index = crls.CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE, 0, NULL, NULL, NULL, NULL)

/** Marks a store whose lists are for single distribution points. */
export function askPoints(store: Handle, isLeafOnly: boolean): void {
  crls.X509_STORE_set_ex_data(store, index, isLeafOnly ? ASKED.leaf : ASKED.all)
}

/**
 * The first certificate of a good chain that OpenSSL may have looked up in the list of another distribution point.
 * @param chain X509, leaf first
 */
export function wrongPoint(store: Handle, chain: readonly Handle[]): CheckOutcome | undefined {
  const asked = crls.X509_STORE_get_ex_data(store, index)
  if (asked === ASKED.none) return undefined
  const depth = (asked === ASKED.leaf ? chain.slice(0, 1) : chain).findIndex(x509 => !isOfNamedPoints(x509))
  return depth < 0 ? undefined : { code: X509_V_ERR_DIFFERENT_CRL_SCOPE, depth }
}

function isOfNamedPoints(x509: Handle): boolean {
  const at = ssl.X509_get_ext_by_NID(x509, NID_CRL_DISTRIBUTION_POINTS, -1)
  return at < 0 || haveNames(bytesOf(crls.X509_EXTENSION_get_data(crls.X509_get_ext(x509, at))))
}
