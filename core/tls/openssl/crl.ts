import { contextError } from './errors.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { withBio } from './memory-bio.js'
import { Owned } from './owned.js'

const X509_V_FLAG_CRL_CHECK = 0x4
const X509_V_FLAG_CRL_CHECK_ALL = 0x8

/** Revocation lists out of one file. */
export interface Crls {
  readonly pem: string
  readonly from: string
  /** Asks the lists about the leaf alone; otherwise every authority must have one. */
  readonly isLeafOnly: boolean
}

const PEM_CRL = /-----BEGIN X509 CRL-----[\s\S]+?-----END X509 CRL-----/g

/**
 * Has a store ask revocation lists. A certificate whose issuer has no list then fails, as does one on its list.
 * @throws {ProxyError} PTC_TLS_CONTEXT that names the file
 */
export function addCrls(store: Handle, { pem, from, isLeafOnly }: Crls): void {
  const lists = pem.match(PEM_CRL) ?? []
  if (lists.length === 0) throw contextError(`no PEM revocation list in ${from}`)
  for (const [i, text] of lists.entries()) {
    const what = `revocation list ${i + 1} of ${from}`
    const parsed = withBio(Buffer.from(text), bio => ssl.PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))
    if (parsed === NULL) throw contextError(what)
    const crl = new Owned('X509_CRL', parsed, ssl.X509_CRL_free)
    try {
      if (ssl.X509_STORE_add_crl(store, crl.handle) !== 1) throw contextError(what)
    } finally {
      crl.free()
    }
  }
  ssl.X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | (isLeafOnly ? 0 : X509_V_FLAG_CRL_CHECK_ALL))
}
