/**
 * The functions of OpenSSL for inbound handshakes alone. They are not in library.ts because that file would be too long.
 *
 * Source of the signatures: the man pages of OpenSSL 3.0, section 3.
 */
import { koffi } from './koffi.js'
import { type Callback, declareFunction, type Handle, requireLibrary } from './library.js'

const f = declareFunction

export const TLS_server_method = f('uintptr_t TLS_server_method()')
export const SSL_CTX_set_session_id_context = f(
  'int SSL_CTX_set_session_id_context(uintptr_t ctx, uint8_t *id, uint length)',
)
/** Stays when the SSL gets another SSL_CTX. */
export const SSL_set_session_id_context = f(
  'int SSL_set_session_id_context(uintptr_t ssl, uint8_t *id, uint length)',
)
export const SSL_CTX_set_client_hello_cb = f(
  'void SSL_CTX_set_client_hello_cb(uintptr_t ctx, void *callback, uintptr_t arg)',
)
export const SSL_CTX_set_cert_cb = f('void SSL_CTX_set_cert_cb(uintptr_t ctx, void *callback, uintptr_t arg)')
export const SSL_CTX_set_alpn_select_cb = f(
  'void SSL_CTX_set_alpn_select_cb(uintptr_t ctx, void *callback, uintptr_t arg)',
)
export const SSL_CTX_sess_set_get_cb = f('void SSL_CTX_sess_set_get_cb(uintptr_t ctx, void *callback)')
export const SSL_CTX_sess_set_remove_cb = f('void SSL_CTX_sess_set_remove_cb(uintptr_t ctx, void *callback)')
export const SSL_CTX_set_timeout = f<(ctx: Handle, seconds: number) => number | bigint>(
  'long SSL_CTX_set_timeout(uintptr_t ctx, long seconds)',
)
/** Its name goes into the CertificateRequest. */
export const SSL_CTX_add_client_CA = f('int SSL_CTX_add_client_CA(uintptr_t ctx, uintptr_t x509)')
/** Takes a reference of its own. */
export const SSL_set_SSL_CTX = f('uintptr_t SSL_set_SSL_CTX(uintptr_t ssl, uintptr_t ctx)')
export const SSL_set_accept_state = f('void SSL_set_accept_state(uintptr_t ssl)')
export const SSL_set_shutdown = f('void SSL_set_shutdown(uintptr_t ssl, int mode)')
export const SSL_client_hello_isv2 = f('int SSL_client_hello_isv2(uintptr_t ssl)')
export const SSL_client_hello_get0_legacy_version = f(
  'uint SSL_client_hello_get0_legacy_version(uintptr_t ssl)',
)
export const SSL_client_hello_get0_session_id = f(
  'size_t SSL_client_hello_get0_session_id(uintptr_t ssl, _Out_ uintptr_t *out)',
)
export const SSL_client_hello_get0_ciphers = f(
  'size_t SSL_client_hello_get0_ciphers(uintptr_t ssl, _Out_ uintptr_t *out)',
)
/** Allocates; see {@link OPENSSL_free}. */
export const SSL_client_hello_get1_extensions_present = f(
  'int SSL_client_hello_get1_extensions_present(uintptr_t ssl, _Out_ uintptr_t *out, _Out_ size_t *length)',
)
export const SSL_client_hello_get0_ext = f(
  'int SSL_client_hello_get0_ext(uintptr_t ssl, uint type, _Out_ uintptr_t *out, _Out_ size_t *length)',
)
const CRYPTO_free = f('void CRYPTO_free(uintptr_t at, str file, int line)')
export const OPENSSL_free = (at: Handle): void => CRYPTO_free(at, 'portcullis', 0)
/** No reference is taken. */
export const SSL_get0_peer_certificate = f('uintptr_t SSL_get0_peer_certificate(uintptr_t ssl)')
/** 0: good, or there was nothing to verify. A resumed session has that of its first handshake. */
export const SSL_get_verify_result = f<(ssl: Handle) => number | bigint>(
  'long SSL_get_verify_result(uintptr_t ssl)',
)
/** No reference is taken. On the server's side the leaf is not among them. */
export const SSL_get_peer_cert_chain = f('uintptr_t SSL_get_peer_cert_chain(uintptr_t ssl)')
/** With `out` 0: only the length. Otherwise the address at `out` advances. */
export const i2d_SSL_SESSION = f<(session: Handle, out: [Handle] | null) => number>(
  'int i2d_SSL_SESSION(uintptr_t session, _Inout_ uintptr_t *out)',
)
export const d2i_SSL_SESSION = f(
  'uintptr_t d2i_SSL_SESSION(uintptr_t into, _Inout_ uintptr_t *from, long length)',
)
export const SSL_SESSION_get_id = f('uintptr_t SSL_SESSION_get_id(uintptr_t session, _Out_ uint *length)')
/** How many tickets the handshake itself sends. */
export const SSL_CTX_set_num_tickets = f('int SSL_CTX_set_num_tickets(uintptr_t ctx, size_t count)')
/** TLS 1.3, after the handshake: the next SSL_do_handshake sends the ticket. */
export const SSL_new_session_ticket = f('int SSL_new_session_ticket(uintptr_t ssl)')
/** No reference is taken. */
export const SSL_get_session = f('uintptr_t SSL_get_session(uintptr_t ssl)')
/** No reference is taken. */
export const SSL_SESSION_get0_peer = f('uintptr_t SSL_SESSION_get0_peer(uintptr_t session)')
export const SSL_SESSION_get_protocol_version = f('int SSL_SESSION_get_protocol_version(uintptr_t session)')
/** Stored in the session and in its serialised form. */
export const SSL_SESSION_set1_ticket_appdata = f(
  'int SSL_SESSION_set1_ticket_appdata(uintptr_t session, uint8_t *data, size_t length)',
)
export const SSL_SESSION_get0_ticket_appdata = f<
  (session: Handle, out: [Handle], length: [number | bigint]) => number
>('int SSL_SESSION_get0_ticket_appdata(uintptr_t session, _Out_ uintptr_t *out, _Out_ size_t *length)')
export const SSL_CTX_set_session_ticket_cb = f(
  'int SSL_CTX_set_session_ticket_cb(uintptr_t ctx, void *made, void *read, uintptr_t arg)',
)

const HelloCallback = koffi.proto('int PortcullisHello(uintptr_t ssl, uintptr_t alert, uintptr_t arg)')
const CertCallback = koffi.proto('int PortcullisCert(uintptr_t ssl, uintptr_t arg)')
const AlpnCallback = koffi.proto(
  'int PortcullisAlpn(uintptr_t ssl, uintptr_t out, uintptr_t outLength, uintptr_t offered, uint length, uintptr_t arg)',
)
const GetSessionCallback = koffi.proto(
  'uintptr_t PortcullisGetSession(uintptr_t ssl, uintptr_t id, int length, uintptr_t copy)',
)
const TicketMadeCallback = koffi.proto('int PortcullisTicketMade(uintptr_t ssl, uintptr_t arg)')
const TicketReadCallback = koffi.proto(
  'int PortcullisTicketRead(uintptr_t ssl, uintptr_t session, uintptr_t name, size_t length, int status, uintptr_t arg)',
)
const RemoveSessionCallback = koffi.proto('void PortcullisRemoveSession(uintptr_t ctx, uintptr_t session)')

/** As {@link registerVerifyCallback}. */
export function registerHelloCallback(callback: (handle: Handle) => number): Callback {
  return koffi.register(callback, koffi.pointer(HelloCallback))
}

/** As {@link registerVerifyCallback}. */
export function registerCertCallback(callback: (handle: Handle) => number): Callback {
  return koffi.register(callback, koffi.pointer(CertCallback))
}

/** As {@link registerVerifyCallback}. */
export function registerAlpnCallback(
  callback: (handle: Handle, out: Handle, outLength: Handle, offered: Handle, length: number) => number,
): Callback {
  return koffi.register(callback, koffi.pointer(AlpnCallback))
}

/** As {@link registerVerifyCallback}. */
export function registerGetSessionCallback(
  callback: (handle: Handle, id: Handle, length: number) => Handle,
): Callback {
  return koffi.register(callback, koffi.pointer(GetSessionCallback))
}

/** As {@link registerVerifyCallback}. */
export function registerRemoveSessionCallback(callback: (ctx: Handle, session: Handle) => void): Callback {
  return koffi.register(callback, koffi.pointer(RemoveSessionCallback))
}

/** As {@link registerVerifyCallback}. */
export function registerTicketMadeCallback(callback: () => number): Callback {
  return koffi.register(callback, koffi.pointer(TicketMadeCallback))
}

/** As {@link registerVerifyCallback}. */
export function registerTicketReadCallback(
  callback: (handle: Handle, session: Handle, status: number) => number,
): Callback {
  const read = (
    handle: Handle,
    session: Handle,
    _name: Handle,
    _length: number | bigint,
    status: number,
  ): number => callback(handle, session, status)
  return koffi.register(read, koffi.pointer(TicketReadCallback))
}

/** Writes an address, as C does with `*out = address`. */
export function writeAddress(out: Handle, address: Handle): void {
  koffi.encode(BigInt(out), 'uintptr_t', address)
}

/** Writes one byte. */
export function writeByte(out: Handle, byte: number): void {
  koffi.encode(BigInt(out), 'uint8_t', byte)
}

requireLibrary()
