/**
 * Every function of OpenSSL that this program calls, declared once. The library is the one inside the running Node:
 * its binary exports the symbols. A native object is a `Handle`, the object's address as a number, and never leaves
 * this folder.
 *
 * Source of the signatures: the man pages of OpenSSL 3.0, section 3. Long because nothing is declared elsewhere.
 */

import { ProxyError } from '../../base/errors.js'
import { describe } from '../../base/thrown.js'
import { koffi } from './koffi.js'

declare const native: unique symbol
/** The address of a native object; 0 is NULL. */
export type Handle = number & { readonly [native]: true }
export const NULL = 0 as Handle

/** SSL_set_retry_verify came with 3.0.2. */
const OLDEST = 0x30000020n

/** A C function made from a JavaScript function; 0 for none. */
export type Callback = bigint

const process_ = (() => {
  try {
    return koffi.load(null)
  } catch (cause) {
    throw new ProxyError('PTC_OPENSSL_MISSING', `cannot look into the running process: ${describe(cause)}`, {
      cause,
    })
  }
})()

/** Types of C, as koffi hands them over. */
interface Types {
  uintptr_t: Handle
  str: string
  int: number
  uint: number
  long: number
  ulong: number
  size_t: number
  int64: number
  int64_t: number
  uint32_t: number
  uint64_t: number
}
type Typed<C> = C extends keyof Types ? Types[C] : never
/** An `_Out_` is written by the function: an array of one value. */
type Parameter<C> = C extends `_Out_ ${infer T} *${string}` | `_Inout_ ${infer T} *${string}`
  ? [Typed<T>]
  : C extends `void *${string}`
    ? Callback
    : C extends `uint8_t *${string}`
      ? Uint8Array
      : C extends `${infer T} ${string}`
        ? Typed<T>
        : never
type ParameterList<C> = C extends ''
  ? []
  : C extends `${infer First}, ${infer Rest}`
    ? [Parameter<First>, ...ParameterList<Rest>]
    : [Parameter<C>]
/** The type of a function of C, by its declaration. */
type Native<C> = C extends `void ${string}(${infer All})`
  ? (...args: ParameterList<All>) => void
  : C extends `${infer T} ${string}(${infer All})`
    ? (...args: ParameterList<All>) => Typed<T>
    : never

const missing: string[] = []

/** Declares one function. Missing symbols are collected, so that one error can name all of them. */
function declare_<const C extends string>(declaration: C): Native<C>
/** Its type is given where the declaration says too little: NULL for a text, or 64 bits that may exceed a number. */
function declare_<T extends (...args: never[]) => unknown>(declaration: string): T
function declare_(declaration: string): unknown {
  try {
    return process_.func(declaration)
  } catch {
    missing.push(/(\w+)\s*\(/.exec(declaration)?.[1] ?? declaration)
    return () => 0
  }
}

const f = declare_

export { declare_ as declareFunction }

export const OpenSSL_version_num = f<() => number | bigint>('ulong OpenSSL_version_num()')
export const ERR_clear_error = f('void ERR_clear_error()')
export const ERR_get_error = f('ulong ERR_get_error()')
export const ERR_reason_error_string = f<(code: number) => string | null>(
  'str ERR_reason_error_string(ulong code)',
)
export const X509_verify_cert_error_string = f('str X509_verify_cert_error_string(long code)')

export const TLS_client_method = f('uintptr_t TLS_client_method()')
export const SSL_CTX_new = f('uintptr_t SSL_CTX_new(uintptr_t method)')
export const SSL_CTX_free = f('void SSL_CTX_free(uintptr_t ctx)')
export const SSL_CTX_ctrl = f('long SSL_CTX_ctrl(uintptr_t ctx, int cmd, long larg, uintptr_t parg)')
export const SSL_CTX_ctrl_text = f('long SSL_CTX_ctrl(uintptr_t ctx, int cmd, long larg, str parg)')
export const SSL_CTX_set_options = f('uint64_t SSL_CTX_set_options(uintptr_t ctx, uint64_t options)')
export const SSL_CTX_set_security_level = f('void SSL_CTX_set_security_level(uintptr_t ctx, int level)')
export const SSL_CTX_set_verify = f('void SSL_CTX_set_verify(uintptr_t ctx, int mode, uintptr_t callback)')
export const SSL_CTX_set_cert_verify_callback = f(
  'void SSL_CTX_set_cert_verify_callback(uintptr_t ctx, void *callback, uintptr_t arg)',
)
/** Takes a reference of its own. */
export const SSL_CTX_get_cert_store = f('uintptr_t SSL_CTX_get_cert_store(uintptr_t ctx)')
export const SSL_CTX_set1_cert_store = f('void SSL_CTX_set1_cert_store(uintptr_t ctx, uintptr_t store)')
export const SSL_CTX_set_cipher_list = f('int SSL_CTX_set_cipher_list(uintptr_t ctx, str list)')
export const SSL_CTX_set_ciphersuites = f('int SSL_CTX_set_ciphersuites(uintptr_t ctx, str list)')
export const SSL_CTX_set_alpn_protos = f(
  'int SSL_CTX_set_alpn_protos(uintptr_t ctx, uint8_t *wire, uint length)',
)
export const SSL_CTX_use_certificate = f('int SSL_CTX_use_certificate(uintptr_t ctx, uintptr_t x509)')
export const SSL_CTX_use_PrivateKey = f('int SSL_CTX_use_PrivateKey(uintptr_t ctx, uintptr_t key)')
export const SSL_CTX_check_private_key = f('int SSL_CTX_check_private_key(uintptr_t ctx)')
export const X509_STORE_new = f('uintptr_t X509_STORE_new()')
export const X509_STORE_free = f('void X509_STORE_free(uintptr_t store)')
export const X509_STORE_add_cert = f('int X509_STORE_add_cert(uintptr_t store, uintptr_t x509)')
export const X509_STORE_set_flags = f('int X509_STORE_set_flags(uintptr_t store, ulong flags)')
export const SSL_CTX_sess_set_new_cb = f('void SSL_CTX_sess_set_new_cb(uintptr_t ctx, void *callback)')
export const SSL_SESSION_free = f('void SSL_SESSION_free(uintptr_t session)')
export const SSL_SESSION_is_resumable = f('int SSL_SESSION_is_resumable(uintptr_t session)')
export const SSL_SESSION_get_timeout = f<(session: Handle) => number | bigint>(
  'long SSL_SESSION_get_timeout(uintptr_t session)',
)
/** Takes a reference of its own. */
export const SSL_set_session = f('int SSL_set_session(uintptr_t ssl, uintptr_t session)')
export const SSL_session_reused = f('int SSL_session_reused(uintptr_t ssl)')

export const SSL_CTX_set_keylog_callback = f(
  'void SSL_CTX_set_keylog_callback(uintptr_t ctx, void *callback)',
)

export const SSL_new = f('uintptr_t SSL_new(uintptr_t ctx)')
export const SSL_free = f('void SSL_free(uintptr_t ssl)')
export const SSL_set_bio = f('void SSL_set_bio(uintptr_t ssl, uintptr_t rbio, uintptr_t wbio)')
export const SSL_set_connect_state = f('void SSL_set_connect_state(uintptr_t ssl)')
export const SSL_ctrl = f('long SSL_ctrl(uintptr_t ssl, int cmd, long larg, uintptr_t parg)')
export const SSL_ctrl_text = f('long SSL_ctrl(uintptr_t ssl, int cmd, long larg, str parg)')
export const SSL_ctrl_out = f('long SSL_ctrl(uintptr_t ssl, int cmd, long larg, _Out_ uintptr_t *out)')
export const SSL_do_handshake = f('int SSL_do_handshake(uintptr_t ssl)')
export const SSL_get_error = f('int SSL_get_error(uintptr_t ssl, int returned)')
export const SSL_read = f('int SSL_read(uintptr_t ssl, uintptr_t into, int length)')
export const SSL_write = f('int SSL_write(uintptr_t ssl, uint8_t *from, int length)')
export const SSL_shutdown = f('int SSL_shutdown(uintptr_t ssl)')
export const SSL_get_version = f('str SSL_get_version(uintptr_t ssl)')
export const SSL_get_current_cipher = f('uintptr_t SSL_get_current_cipher(uintptr_t ssl)')
/** Named by the ServerHello; TLS 1.2 and older. */
export const SSL_get_pending_cipher = f('uintptr_t SSL_get_pending_cipher(uintptr_t ssl)')
export const SSL_CIPHER_get_kx_nid = f('int SSL_CIPHER_get_kx_nid(uintptr_t cipher)')
/** NULL until the other end has asked for a certificate. */
export const SSL_get0_peer_CA_list = f('uintptr_t SSL_get0_peer_CA_list(uintptr_t ssl)')
export const SSL_CIPHER_get_name = f('str SSL_CIPHER_get_name(uintptr_t cipher)')
export const SSL_group_to_name = f<(ssl: Handle, id: number) => string | null>(
  'str SSL_group_to_name(uintptr_t ssl, int id)',
)
export const SSL_set_alpn_protos = f<(ssl: Handle, wire: Buffer, length: number) => number>(
  'int SSL_set_alpn_protos(uintptr_t ssl, uint8_t *wire, uint length)',
)
export const SSL_get0_alpn_selected = f(
  'void SSL_get0_alpn_selected(uintptr_t ssl, _Out_ uintptr_t *out, _Out_ uint *length)',
)
export const SSL_get_ex_data_X509_STORE_CTX_idx = f('int SSL_get_ex_data_X509_STORE_CTX_idx()')

export const X509_verify_cert = f('int X509_verify_cert(uintptr_t store)')
export const X509_STORE_CTX_get_ex_data = f(
  'uintptr_t X509_STORE_CTX_get_ex_data(uintptr_t store, int index)',
)
export const X509_STORE_CTX_get_error = f('int X509_STORE_CTX_get_error(uintptr_t store)')
export const X509_STORE_CTX_get_error_depth = f('int X509_STORE_CTX_get_error_depth(uintptr_t store)')
export const X509_STORE_CTX_set_error_depth = f(
  'void X509_STORE_CTX_set_error_depth(uintptr_t store, int depth)',
)
export const X509_STORE_CTX_set_error = f('void X509_STORE_CTX_set_error(uintptr_t store, int code)')
export const X509_STORE_CTX_get0_param = f('uintptr_t X509_STORE_CTX_get0_param(uintptr_t store)')
export const X509_STORE_CTX_get0_untrusted = f('uintptr_t X509_STORE_CTX_get0_untrusted(uintptr_t store)')
export const X509_STORE_CTX_get0_chain = f('uintptr_t X509_STORE_CTX_get0_chain(uintptr_t store)')
export const X509_STORE_CTX_get0_cert = f('uintptr_t X509_STORE_CTX_get0_cert(uintptr_t store)')
export const X509_STORE_CTX_get0_store = f('uintptr_t X509_STORE_CTX_get0_store(uintptr_t store)')
export const X509_STORE_CTX_new = f('uintptr_t X509_STORE_CTX_new()')
export const X509_STORE_CTX_free = f('void X509_STORE_CTX_free(uintptr_t store)')
/** Takes no reference to any of them. */
export const X509_STORE_CTX_init = f(
  'int X509_STORE_CTX_init(uintptr_t context, uintptr_t store, uintptr_t leaf, uintptr_t untrusted)',
)
export const X509_STORE_CTX_set_default = f('int X509_STORE_CTX_set_default(uintptr_t context, str name)')
export const X509_STORE_get0_param = f('uintptr_t X509_STORE_get0_param(uintptr_t store)')
/** @param time seconds since the epoch */
export const X509_VERIFY_PARAM_set_time = f('void X509_VERIFY_PARAM_set_time(uintptr_t param, int64_t time)')
export const X509_VERIFY_PARAM_set_auth_level = f(
  'void X509_VERIFY_PARAM_set_auth_level(uintptr_t param, int level)',
)
export const X509_VERIFY_PARAM_set_flags = f('int X509_VERIFY_PARAM_set_flags(uintptr_t param, ulong flags)')
export const X509_VERIFY_PARAM_set_hostflags = f(
  'void X509_VERIFY_PARAM_set_hostflags(uintptr_t param, uint flags)',
)
/** @returns 0 within both times, by the time of `param` */
export const X509_cmp_timeframe = f('int X509_cmp_timeframe(uintptr_t param, uintptr_t start, uintptr_t end)')
/** Takes no reference. The store is then used for revocation lists alone. */
export const X509_STORE_CTX_set0_trusted_stack = f(
  'void X509_STORE_CTX_set0_trusted_stack(uintptr_t context, uintptr_t anchors)',
)
/** @returns a STACK_OF(X509), or NULL for none; the caller owns it and its elements */
export const X509_STORE_CTX_get1_certs = f(
  'uintptr_t X509_STORE_CTX_get1_certs(uintptr_t context, uintptr_t subject)',
)
/** Compares names, key identifiers and key usage, not the signature. @returns X509_V_OK or the X509_V_ERR number */
export const X509_check_issued = f('int X509_check_issued(uintptr_t issuer, uintptr_t subject)')
export const X509_check_purpose = f('int X509_check_purpose(uintptr_t x509, int purpose, int isAuthority)')
export const X509_self_signed = f('int X509_self_signed(uintptr_t x509, int withSignature)')
export const X509_cmp = f('int X509_cmp(uintptr_t a, uintptr_t b)')
export const X509_get0_notBefore = f('uintptr_t X509_get0_notBefore(uintptr_t x509)')
export const X509_get0_notAfter = f('uintptr_t X509_get0_notAfter(uintptr_t x509)')
export const X509_get0_pubkey = f('uintptr_t X509_get0_pubkey(uintptr_t x509)')
/** @returns XKU_ bits, all of them without the extension */
export const X509_get_extended_key_usage = f('uint32_t X509_get_extended_key_usage(uintptr_t x509)')
/** @returns its index, negative without it */
export const X509_get_ext_by_NID = f('int X509_get_ext_by_NID(uintptr_t x509, int nid, int after)')
export const EVP_PKEY_get_base_id = f('int EVP_PKEY_get_base_id(uintptr_t key)')
export const EVP_PKEY_get_bits = f('int EVP_PKEY_get_bits(uintptr_t key)')
export const X509_check_host = f(
  'int X509_check_host(uintptr_t x509, str name, size_t length, uint flags, uintptr_t peer)',
)
export const X509_check_ip_asc = f('int X509_check_ip_asc(uintptr_t x509, str address, uint flags)')
export const OPENSSL_sk_num = f('int OPENSSL_sk_num(uintptr_t stack)')
export const OPENSSL_sk_value = f('uintptr_t OPENSSL_sk_value(uintptr_t stack, int index)')

export const OPENSSL_sk_new_null = f('uintptr_t OPENSSL_sk_new_null()')
/** @returns how many are in it now, 0 when out of memory; takes no reference */
export const OPENSSL_sk_push = f('int OPENSSL_sk_push(uintptr_t stack, uintptr_t item)')
/** Frees the stack without its elements. */
export const OPENSSL_sk_free = f('void OPENSSL_sk_free(uintptr_t stack)')

export const BIO_s_mem = f('uintptr_t BIO_s_mem()')
export const BIO_new = f('uintptr_t BIO_new(uintptr_t method)')
export const BIO_free = f('int BIO_free(uintptr_t bio)')
export const BIO_ctrl = f('long BIO_ctrl(uintptr_t bio, int cmd, long larg, uintptr_t parg)')
export const BIO_ctrl_pending = f('size_t BIO_ctrl_pending(uintptr_t bio)')
export const BIO_read = f('int BIO_read(uintptr_t bio, uint8_t *into, int length)')
export const BIO_write = f('int BIO_write(uintptr_t bio, uint8_t *from, int length)')

export const X509_free = f('void X509_free(uintptr_t x509)')
export const i2d_X509_bio = f('int i2d_X509_bio(uintptr_t bio, uintptr_t x509)')
export const d2i_X509_bio = f('uintptr_t d2i_X509_bio(uintptr_t bio, uintptr_t out)')
/** `password`: never NULL, or OpenSSL asks the terminal. */
export const PEM_read_bio_X509 = f(
  'uintptr_t PEM_read_bio_X509(uintptr_t bio, uintptr_t out, uintptr_t callback, str password)',
)
export const PEM_read_bio_PrivateKey = f(
  'uintptr_t PEM_read_bio_PrivateKey(uintptr_t bio, uintptr_t out, uintptr_t callback, str password)',
)
export const EVP_PKEY_free = f('void EVP_PKEY_free(uintptr_t key)')
export const X509_get_subject_name = f('uintptr_t X509_get_subject_name(uintptr_t x509)')
export const X509_get_issuer_name = f('uintptr_t X509_get_issuer_name(uintptr_t x509)')
/** With `out` NULL: only the length. */
export const i2d_X509_NAME = f('int i2d_X509_NAME(uintptr_t name, uintptr_t out)')
export const X509_NAME_cmp = f('int X509_NAME_cmp(uintptr_t a, uintptr_t b)')
export const X509_NAME_entry_count = f('int X509_NAME_entry_count(uintptr_t name)')
export const X509_NAME_oneline = f('uintptr_t X509_NAME_oneline(uintptr_t name, uint8_t *into, int size)')

const VerifyCallback = koffi.proto('int PortcullisVerify(uintptr_t store, uintptr_t arg)')

/** Makes a C function from a JavaScript function. There are few of them, and they live as long as the process. */
export function registerVerifyCallback(callback: (store: Handle, arg: Handle) => number): Callback {
  return koffi.register(callback, koffi.pointer(VerifyCallback))
}

const SessionCallback = koffi.proto('int PortcullisNewSession(uintptr_t ssl, uintptr_t session)')

/** As {@link registerVerifyCallback}. */
export function registerSessionCallback(callback: (handle: Handle, session: Handle) => number): Callback {
  return koffi.register(callback, koffi.pointer(SessionCallback))
}

const KeyLogCallback = koffi.proto('void PortcullisKeyLog(uintptr_t ssl, str line)')

/** As {@link registerVerifyCallback}. */
export function registerKeyLogCallback(callback: (handle: Handle, line: string) => void): Callback {
  return koffi.register(callback, koffi.pointer(KeyLogCallback))
}

/** The address of a buffer's bytes. The buffer must own its memory (allocUnsafeSlow) and outlive the address. */
export function addressOf(bytes: Buffer): Handle {
  return Number(koffi.address(bytes)) as Handle
}

/** Copies `length` bytes of native memory. */
export function copyFrom(address: Handle, length: number): Buffer {
  return Buffer.from(new Uint8Array(koffi.view(BigInt(address), length)))
}

/**
 * Refuses a Node whose OpenSSL cannot park.
 * @throws {ProxyError} PTC_OPENSSL_MISSING that names every missing symbol, or the version
 */
export function requireOpenSsl(symbols: readonly string[], version: bigint): void {
  if (symbols.length > 0) {
    throw new ProxyError(
      'PTC_OPENSSL_MISSING',
      `the running Node does not export ${symbols.join(', ')}; a Node from nodejs.org, 20 or later, does`,
    )
  }
  if (version < OLDEST) {
    throw new ProxyError(
      'PTC_OPENSSL_MISSING',
      `the running Node carries OpenSSL 0x${version.toString(16)}; parking needs 3.0.2, which every Node since 18 has`,
    )
  }
}

/** @throws {ProxyError} PTC_OPENSSL_MISSING */
export function requireLibrary(): void {
  requireOpenSsl(missing, BigInt(OpenSSL_version_num()))
}

requireLibrary()
