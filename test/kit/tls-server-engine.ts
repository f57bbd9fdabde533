/**
 * The server side of TLS as bytes in and bytes out, for what no server program can be told to do: an alert right behind
 * data, half of a message, a flood of key updates. Its objects are not counted among the proxy's.
 */
import koffi from 'koffi'
import * as ssl from '../../core/tls/openssl/library.js'
import { type Handle, NULL } from '../../core/tls/openssl/library.js'
import { drainBio, newMemoryBio, withBio } from '../../core/tls/openssl/memory-bio.js'
import type { OutboundEngine, Progress } from '../../core/tls/openssl/outbound-engine.js'
import { TrustStore } from '../../core/tls/openssl/trust-store.js'

const native = koffi.load(null)
const TLS_server_method: () => Handle = native.func('uintptr_t TLS_server_method()')
const SSL_set_accept_state: (s: Handle) => void = native.func('void SSL_set_accept_state(uintptr_t s)')
const SSL_key_update: (s: Handle, type: number) => number = native.func(
  'int SSL_key_update(uintptr_t s, int type)',
)
const SSL_renegotiate: (s: Handle) => number = native.func('int SSL_renegotiate(uintptr_t s)')
const SSL_new_session_ticket: (s: Handle) => number = native.func('int SSL_new_session_ticket(uintptr_t s)')
const SSL_set_session_id_context: (s: Handle, id: string, length: number) => number = native.func(
  'int SSL_set_session_id_context(uintptr_t s, str id, uint length)',
)

const SSL_CTRL_SET_MAX_SEND_FRAGMENT = 52
const SSL_CTRL_SET_MAX_PROTO_VERSION = 124
const SSL_VERIFY_PEER = 1
const SSL_KEY_UPDATE_REQUESTED = 1
const SSL_ERROR_ZERO_RETURN = 6
/** An encrypted record that nobody has made. */
const FORGED = Buffer.concat([Buffer.from([23, 3, 3, 0, 40]), Buffer.alloc(40, 7)])

export interface ServerEngineOptions {
  readonly certPem?: string
  readonly keyPem?: string
  readonly version: '1.2' | '1.3'
  readonly ciphers?: string
  /** Asks for a client certificate of this authority's. */
  readonly clientCaPem?: string
}

export class InboundEngine {
  readonly #ctx = ssl.SSL_CTX_new(TLS_server_method())
  readonly #ssl: Handle
  readonly #in = newMemoryBio()
  readonly #out = newMemoryBio()
  #isDone = false

  constructor({ certPem, keyPem, version, ciphers, clientCaPem }: ServerEngineOptions) {
    const ctx = this.#ctx
    ssl.SSL_CTX_set_security_level(ctx, 0)
    ssl.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MAX_PROTO_VERSION, version === '1.2' ? 0x303 : 0x304, NULL)
    if (ciphers !== undefined) ssl.SSL_CTX_set_cipher_list(ctx, ciphers)
    if (certPem !== undefined) withX509(certPem, x509 => ssl.SSL_CTX_use_certificate(ctx, x509))
    if (keyPem !== undefined) {
      const key = withBio(Buffer.from(keyPem), bio => ssl.PEM_read_bio_PrivateKey(bio, NULL, NULL, ''))
      ssl.SSL_CTX_use_PrivateKey(ctx, key)
      ssl.EVP_PKEY_free(key)
    }
    if (clientCaPem !== undefined) {
      const trust = new TrustStore({ anchors: [clientCaPem] })
      ssl.SSL_CTX_set1_cert_store(ctx, trust.handle)
      trust.free()
      ssl.SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL)
    }
    this.#ssl = ssl.SSL_new(ctx)
    SSL_set_session_id_context(this.#ssl, 'test', 4)
    ssl.SSL_set_bio(this.#ssl, this.#in, this.#out)
    SSL_set_accept_state(this.#ssl)
  }

  /** Whether the client's Finished has come. */
  get isDone(): boolean {
    return this.#isDone
  }

  receive(bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) ssl.BIO_write(this.#in, bytes, bytes.length)
  }

  /** What is on its way to the client; empty when there is nothing. */
  take(): Buffer {
    return drainBio(this.#out) ?? Buffer.alloc(0)
  }

  advance(): void {
    ssl.ERR_clear_error()
    if (ssl.SSL_do_handshake(this.#ssl) === 1) this.#isDone = true
  }

  write(bytes: string | Buffer): void {
    const all = Buffer.from(bytes)
    for (let at = 0; at < all.length; at += 16_384) {
      const part = all.subarray(at, at + 16_384)
      ssl.ERR_clear_error()
      ssl.SSL_write(this.#ssl, part, part.length)
    }
  }

  /** What the client has sent: text, `end` after its close_notify, undefined when there is nothing. */
  read(): string | undefined {
    const into = Buffer.allocUnsafeSlow(20_000)
    ssl.ERR_clear_error()
    const length = ssl.SSL_read(this.#ssl, ssl.addressOf(into), into.length)
    if (length > 0) return into.toString('latin1', 0, length)
    return ssl.SSL_get_error(this.#ssl, length) === SSL_ERROR_ZERO_RETURN ? 'end' : undefined
  }

  /** Puts a close_notify behind what is on its way. */
  close(): void {
    ssl.ERR_clear_error()
    ssl.SSL_shutdown(this.#ssl)
  }

  /** Puts a fatal alert behind what is on its way, by receiving a record that somebody has tampered with. */
  fail(): void {
    this.receive(FORGED)
    this.read()
  }

  /** Something the client has to answer by TLS itself: in TLS 1.3 a KeyUpdate, in TLS 1.2 a HelloRequest. */
  demandAnswer(version: '1.2' | '1.3'): void {
    ssl.ERR_clear_error()
    if (version === '1.3') SSL_key_update(this.#ssl, SSL_KEY_UPDATE_REQUESTED)
    else SSL_renegotiate(this.#ssl)
    ssl.SSL_do_handshake(this.#ssl)
  }

  /** A NewSessionTicket in records of at most 512 bytes. */
  sendTicket(): void {
    ssl.ERR_clear_error()
    ssl.SSL_ctrl(this.#ssl, SSL_CTRL_SET_MAX_SEND_FRAGMENT, 512, NULL)
    SSL_new_session_ticket(this.#ssl)
    ssl.SSL_do_handshake(this.#ssl)
  }

  free(): void {
    ssl.SSL_free(this.#ssl)
    ssl.SSL_CTX_free(this.#ctx)
  }
}

function withX509(pem: string, use: (x509: Handle) => unknown): void {
  const x509 = withBio(Buffer.from(pem), bio => ssl.PEM_read_bio_X509(bio, NULL, NULL, ''))
  use(x509)
  ssl.X509_free(x509)
}

/** Makes the handshake between both, the certificate being decided about with `verdict`; until neither can go on. */
export function shake(client: OutboundEngine, server: InboundEngine, verdict = 0): Progress {
  for (;;) {
    const progress = client.advance()
    const up = client.take()
    server.receive(up)
    if (progress === 'parked') {
      client.decide(verdict)
      continue
    }
    server.advance()
    const down = server.take()
    client.receive(down)
    if (up === undefined && down.length === 0) return progress
  }
}
