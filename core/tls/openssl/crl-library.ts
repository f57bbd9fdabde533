/**
 * The functions of OpenSSL that read revocation lists. They are not in library.ts because that file would be too long.
 *
 * Source of the signatures: the man pages of OpenSSL 3.0, section 3.
 */
import { declareFunction, type Handle, requireLibrary } from './library.js'

const f = declareFunction

export const PEM_read_bio_X509_CRL = f(
  'uintptr_t PEM_read_bio_X509_CRL(uintptr_t bio, uintptr_t out, uintptr_t callback, uintptr_t arg)',
)
export const X509_CRL_free = f('void X509_CRL_free(uintptr_t crl)')
export const X509_STORE_add_crl = f('int X509_STORE_add_crl(uintptr_t store, uintptr_t crl)')

export const X509_CRL_get_issuer = f('uintptr_t X509_CRL_get_issuer(uintptr_t crl)')
export const X509_CRL_get0_lastUpdate = f('uintptr_t X509_CRL_get0_lastUpdate(uintptr_t crl)')
export const X509_CRL_get0_nextUpdate = f('uintptr_t X509_CRL_get0_nextUpdate(uintptr_t crl)')
export const X509_CRL_get_signature_nid = f('int X509_CRL_get_signature_nid(uintptr_t crl)')
export const X509_CRL_get0_signature = f(
  'void X509_CRL_get0_signature(uintptr_t crl, uintptr_t signature, _Out_ uintptr_t *algorithm)',
)
/** @param value the parameters, an ASN1_STRING if `type` is 16 (SEQUENCE) */
export const X509_ALGOR_get0 = f(
  'void X509_ALGOR_get0(uintptr_t object, _Out_ int *type, _Out_ uintptr_t *value, uintptr_t of)',
)
/** The digest of a signature algorithm; 0 when the algorithm names none. @returns 0 for an unknown algorithm */
export const OBJ_find_sigid_algs = f(
  'int OBJ_find_sigid_algs(int signature, _Out_ int *digest, uintptr_t key)',
)
export const OBJ_nid2sn = f<(nid: number) => string | null>('str OBJ_nid2sn(int nid)')
export const OBJ_txt2nid = f('int OBJ_txt2nid(str text)')
export const EVP_get_digestbyname = f('uintptr_t EVP_get_digestbyname(str name)')
export const EVP_MD_get_size = f('int EVP_MD_get_size(uintptr_t digest)')
export const X509_CRL_get_ext_count = f('int X509_CRL_get_ext_count(uintptr_t crl)')
export const X509_CRL_get_ext = f('uintptr_t X509_CRL_get_ext(uintptr_t crl, int index)')
export const X509_CRL_get_REVOKED = f('uintptr_t X509_CRL_get_REVOKED(uintptr_t crl)')
export const X509_REVOKED_get_ext_count = f('int X509_REVOKED_get_ext_count(uintptr_t entry)')
export const X509_REVOKED_get_ext = f('uintptr_t X509_REVOKED_get_ext(uintptr_t entry, int index)')
/** NULL without the extension, and when it is there more than once. */
export const X509_REVOKED_get_ext_d2i = f(
  'uintptr_t X509_REVOKED_get_ext_d2i(uintptr_t entry, int nid, uintptr_t critical, uintptr_t at)',
)
/** 1 if the list's signature was made with the key. */
export const X509_CRL_verify = f('int X509_CRL_verify(uintptr_t crl, uintptr_t key)')

export const X509_EXTENSION_get_object = f('uintptr_t X509_EXTENSION_get_object(uintptr_t extension)')
export const X509_EXTENSION_get_critical = f('int X509_EXTENSION_get_critical(uintptr_t extension)')
export const X509_EXTENSION_get_data = f('uintptr_t X509_EXTENSION_get_data(uintptr_t extension)')
export const ASN1_STRING_get0_data = f('uintptr_t ASN1_STRING_get0_data(uintptr_t text)')
export const ASN1_STRING_length = f('int ASN1_STRING_length(uintptr_t text)')
export const ASN1_ENUMERATED_get = f<(value: Handle) => number | bigint>(
  'long ASN1_ENUMERATED_get(uintptr_t value)',
)
export const ASN1_ENUMERATED_free = f('void ASN1_ENUMERATED_free(uintptr_t value)')
/** 0 for an object that OpenSSL does not know. */
export const OBJ_obj2nid = f('int OBJ_obj2nid(uintptr_t object)')
/** Returns the length of the text, which may be more than was written. */
export const OBJ_obj2txt = f('int OBJ_obj2txt(uint8_t *into, int size, uintptr_t object, int isNumeric)')
export const ASN1_TIME_set = f('uintptr_t ASN1_TIME_set(uintptr_t out, int64 seconds)')
export const ASN1_TIME_diff = f(
  'int ASN1_TIME_diff(_Out_ int *days, _Out_ int *seconds, uintptr_t from, uintptr_t to)',
)
export const ASN1_TIME_free = f('void ASN1_TIME_free(uintptr_t time)')

/** NULL without the extension. */
export const X509_get0_subject_key_id = f('uintptr_t X509_get0_subject_key_id(uintptr_t x509)')
export const X509_get_ext = f('uintptr_t X509_get_ext(uintptr_t x509, int index)')

export const CRYPTO_get_ex_new_index = f(
  'int CRYPTO_get_ex_new_index(int kind, long long_, uintptr_t pointer, uintptr_t make, uintptr_t copy, uintptr_t free)',
)
export const X509_STORE_set_ex_data = f<(store: Handle, index: number, value: number) => number>(
  'int X509_STORE_set_ex_data(uintptr_t store, int index, uintptr_t value)',
)
export const X509_STORE_get_ex_data = f<(store: Handle, index: number) => number>(
  'uintptr_t X509_STORE_get_ex_data(uintptr_t store, int index)',
)

requireLibrary()
