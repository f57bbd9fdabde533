import { type CrlExtension, type CrlFacts, pssDigest } from '../judge/crl-kind.js'
import { timeOf } from './asn1-time.js'
import * as crls from './crl-library.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { Owned } from './owned.js'
import { oneline } from './x509.js'

const NID_UNDEF = 0
const NID_CRL_REASON = 141
const NID_RSASSA_PSS = 912
const V_ASN1_SEQUENCE = 16
/** At security level 2 a digest has 112 bits against collisions: SHA-224 and longer, as for certificates. */
const LEAST_DIGEST_BYTES = 28
const OID_BYTES = 128

/** The fields of a revocation list as OpenSSL reads them: OpenSSL also checks certificates against it later. */
export function factsOf(crl: Handle): CrlFacts {
  const count = crls.X509_CRL_get_ext_count(crl)
  const extensions = Array.from({ length: count }, (_, i) => extensionOf(crls.X509_CRL_get_ext(crl, i)))
  const nextUpdate = crls.X509_CRL_get0_nextUpdate(crl)
  return {
    issuer: oneline(crls.X509_CRL_get_issuer(crl)),
    thisUpdate: timeOf(crls.X509_CRL_get0_lastUpdate(crl)),
    nextUpdate: nextUpdate === NULL ? undefined : timeOf(nextUpdate),
    weakDigest: weakDigestOf(crl),
    extensions,
    ...entryFacts(crls.X509_CRL_get_REVOKED(crl)),
  }
}

function extensionOf(extension: Handle): CrlExtension {
  return {
    oid: oidOf(crls.X509_EXTENSION_get_object(extension)),
    isCritical: crls.X509_EXTENSION_get_critical(extension) > 0,
    value: bytesOf(crls.X509_EXTENSION_get_data(extension)),
  }
}

/** Summary of the entries. A list may have a million of them: nothing is copied for each entry. */
function entryFacts(entries: Handle): Pick<CrlFacts, 'criticalInEntries' | 'reasons'> {
  const criticalInEntries = new Map<number, string>()
  const reasons = new Set<number>()
  const count = entries === NULL ? 0 : ssl.OPENSSL_sk_num(entries)
  for (let i = 0; i < count; i++) {
    const entry = ssl.OPENSSL_sk_value(entries, i)
    for (let j = crls.X509_REVOKED_get_ext_count(entry) - 1; j >= 0; j--) {
      const extension = crls.X509_REVOKED_get_ext(entry, j)
      const object = crls.X509_EXTENSION_get_object(extension)
      const nid = crls.OBJ_obj2nid(object)
      if (nid === NID_CRL_REASON) reasons.add(reasonOf(entry))
      if (crls.X509_EXTENSION_get_critical(extension) > 0 && !criticalInEntries.has(nid))
        criticalInEntries.set(nid, oidOf(object))
    }
  }
  return { criticalInEntries: new Set(criticalInEntries.values()), reasons }
}

/** -1 for a reason that cannot be read. */
function reasonOf(entry: Handle): number {
  const value = crls.X509_REVOKED_get_ext_d2i(entry, NID_CRL_REASON, NULL, NULL)
  if (value === NULL) return -1
  const reason = new Owned('ASN1_ENUMERATED', value, crls.ASN1_ENUMERATED_free)
  try {
    return Number(crls.ASN1_ENUMERATED_get(reason.handle))
  } finally {
    reason.free()
  }
}

function oidOf(object: Handle): string {
  const text = Buffer.alloc(OID_BYTES)
  const length = crls.OBJ_obj2txt(text, OID_BYTES, object, 1)
  return text.toString('latin1', 0, Math.max(0, Math.min(length, OID_BYTES - 1)))
}

/** A copy of the content of an ASN1_STRING. */
export function bytesOf(text: Handle): Buffer {
  const length = crls.ASN1_STRING_length(text)
  return length > 0 ? ssl.copyFrom(crls.ASN1_STRING_get0_data(text), length) : Buffer.alloc(0)
}

/** The name of the digest of a list's signature, if certificates with this digest are refused; otherwise undefined. */
function weakDigestOf(crl: Handle): string | undefined {
  const digest = digestOf(crl)
  if (digest === 'its own') return undefined
  const name = crls.OBJ_nid2sn(digest) ?? 'an unknown digest'
  const known = digest === NID_UNDEF ? NULL : crls.EVP_get_digestbyname(name)
  return known !== NULL && crls.EVP_MD_get_size(known) >= LEAST_DIGEST_BYTES ? undefined : name
}

/** A NID. `its own`: the algorithm includes a strong digest: EdDSA, ML-DSA. */
function digestOf(crl: Handle): number | 'its own' {
  const algorithm = crls.X509_CRL_get_signature_nid(crl)
  if (algorithm === NID_RSASSA_PSS) return digestOfPss(crl)
  const digest: [number] = [NID_UNDEF]
  if (crls.OBJ_find_sigid_algs(algorithm, digest, NULL) !== 1) return NID_UNDEF
  return digest[0] === NID_UNDEF ? 'its own' : digest[0]
}

function digestOfPss(crl: Handle): number {
  const algorithm: [Handle] = [NULL]
  crls.X509_CRL_get0_signature(crl, NULL, algorithm)
  const type: [number] = [0]
  const value: [Handle] = [NULL]
  crls.X509_ALGOR_get0(NULL, type, value, algorithm[0])
  if (type[0] !== V_ASN1_SEQUENCE) return NID_UNDEF
  const oid = pssDigest(bytesOf(value[0]))
  return oid === undefined ? NID_UNDEF : crls.OBJ_txt2nid(oid)
}
