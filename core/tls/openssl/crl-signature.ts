import { pssDigest } from '../judge/crl-kind.js'
import { bytesOf } from './crl-facts.js'
import * as crls from './crl-library.js'
import { type Handle, NULL } from './library.js'

const NID_UNDEF = 0
const NID_RSASSA_PSS = 912
const V_ASN1_SEQUENCE = 16
/** At security level 2 a digest has 112 bits against collisions: SHA-224 and longer, as for certificates. */
const LEAST_BYTES = 28

/** The name of the digest of a list's signature, if certificates with this digest are refused; otherwise undefined. */
export function weakDigestOf(crl: Handle): string | undefined {
  const digest = digestOf(crl)
  if (digest === 'its own') return undefined
  const name = crls.OBJ_nid2sn(digest) ?? 'an unknown digest'
  const known = digest === NID_UNDEF ? NULL : crls.EVP_get_digestbyname(name)
  return known !== NULL && crls.EVP_MD_get_size(known) >= LEAST_BYTES ? undefined : name
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
