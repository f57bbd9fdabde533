/**
 * Certificate timestamps in the TLS extension (RFC 6962 section 3.3.1): requested in every ClientHello, and handed out as the
 * bytes that came. OpenSSL's own handling would parse them, and discard all if one cannot be read.
 *
 * OpenSSL calls the callback within SSL_do_handshake, before the certificate is verified: for the ServerHello of TLS 1.2, and
 * for each certificate of TLS 1.3. The bytes belong to OpenSSL and are valid during the call: they are copied. An exception
 * must not reach C: it ends the handshake.
 */
import { must } from './context.js'
import { koffi } from './koffi.js'
import { type Callback, copyFrom, declareFunction, type Handle, NULL, requireLibrary } from './library.js'

const SIGNED_CERTIFICATE_TIMESTAMP = 18
/** CLIENT_HELLO, TLS1_2_SERVER_HELLO, TLS1_3_CERTIFICATE. */
const MESSAGES = 0x80 | 0x100 | 0x1000
const TLS1_3_CERTIFICATE = 0x1000
const TAKEN = 1
const FAILED = 0
const INTERNAL_ERROR = 80

const SSL_CTX_add_custom_ext = declareFunction(
  'int SSL_CTX_add_custom_ext(uintptr_t ctx, uint type, uint context, void *add, void *free, uintptr_t addArg, void *parse, uintptr_t parseArg)',
)
const ParseCallback = koffi.proto(
  'int PortcullisParseExtension(uintptr_t ssl, uint type, uint context, uintptr_t bytes, size_t length, uintptr_t x509, size_t index, uintptr_t alert, uintptr_t arg)',
)

requireLibrary()

/** An engine, as the callback sees it. */
export interface SctSubject {
  /** @param list a copy */
  onSctList(list: Buffer): void
}

/** Outbound engines by their `SSL*`. */
export const sctSubjects = new Map<Handle, SctSubject>()

const NO_CALLBACK: Callback = 0n
let registered: Callback | undefined

/** @throws {ProxyError} PTC_TLS_CONTEXT */
export function requestScts(ctx: Handle): void {
  registered ??= koffi.register(onExtension, koffi.pointer(ParseCallback))
  // Without a callback that adds something, the extension of the ClientHello is empty, as it has to be.
  must(
    SSL_CTX_add_custom_ext(
      ctx,
      SIGNED_CERTIFICATE_TIMESTAMP,
      MESSAGES,
      NO_CALLBACK,
      NO_CALLBACK,
      NULL,
      registered,
      NULL,
    ),
    'the extension for certificate timestamps',
  )
}

function onExtension(
  handle: Handle,
  _type: number,
  context: number,
  bytes: Handle,
  length: number,
  _x509: Handle,
  index: number,
  alert: Handle,
): number {
  try {
    // TLS 1.3 has extensions for each certificate; timestamps are about the leaf.
    if ((context & TLS1_3_CERTIFICATE) !== 0 && Number(index) !== 0) return TAKEN
    const list = Number(length) === 0 ? Buffer.alloc(0) : copyFrom(bytes, Number(length))
    sctSubjects.get(handle)?.onSctList(list)
    return TAKEN
  } catch {
    koffi.encode(BigInt(alert), 'int', INTERNAL_ERROR)
    return FAILED
  }
}
