/**
 * The peer of one of our engines: TLS as bytes in and bytes out, for what no program can be told to do. Its native objects
 * are not counted among those of the proxy.
 */
import { koffi } from '../../core/tls/openssl/koffi.js'
import * as ssl from '../../core/tls/openssl/library.js'
import { type Handle, NULL } from '../../core/tls/openssl/library.js'
import { drainBio, newMemoryBio } from '../../core/tls/openssl/memory-bio.js'

const native = koffi.load(null)
const SSL_key_update: (s: Handle, type: number) => number = native.func(
  'int SSL_key_update(uintptr_t s, int type)',
)

const SSL_ERROR_ZERO_RETURN = 6

export class PeerEngine {
  readonly #ctx: Handle
  protected readonly ssl: Handle
  readonly #in = newMemoryBio()
  readonly #out = newMemoryBio()

  /** @param ctx an SSL_CTX, which the engine owns from now on */
  constructor(ctx: Handle) {
    this.#ctx = ctx
    this.ssl = ssl.SSL_new(ctx)
    ssl.SSL_set_bio(this.ssl, this.#in, this.#out)
  }

  receive(bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) ssl.BIO_write(this.#in, bytes, bytes.length)
  }

  /** Ciphertext for our engine; empty when there is none. */
  take(): Buffer {
    return drainBio(this.#out) ?? Buffer.alloc(0)
  }

  /** @returns whether the handshake is done, for this side */
  advance(): boolean {
    ssl.ERR_clear_error()
    return ssl.SSL_do_handshake(this.ssl) === 1
  }

  write(bytes: string | Buffer): void {
    const all = Buffer.from(bytes)
    for (let at = 0; at < all.length; at += 16_384) {
      const part = all.subarray(at, at + 16_384)
      ssl.ERR_clear_error()
      ssl.SSL_write(this.ssl, part, part.length)
    }
  }

  /** @returns plaintext from our engine, `end` after its close_notify, undefined when there is none */
  read(): string | undefined {
    const into = Buffer.allocUnsafeSlow(20_000)
    ssl.ERR_clear_error()
    const length = ssl.SSL_read(this.ssl, ssl.addressOf(into), into.length)
    if (length > 0) return into.toString('latin1', 0, length)
    return ssl.SSL_get_error(this.ssl, length) === SSL_ERROR_ZERO_RETURN ? 'end' : undefined
  }

  /** Sends a KeyUpdate, which our engine has to answer if `isRequested`. */
  updateKey(isRequested: boolean): void {
    ssl.ERR_clear_error()
    SSL_key_update(this.ssl, isRequested ? 1 : 0)
    ssl.SSL_do_handshake(this.ssl)
  }

  free(): void {
    ssl.SSL_free(this.ssl)
    ssl.SSL_CTX_free(this.#ctx)
  }
}

const SSL_VERIFY_NONE = 0
const SSL_CTRL_SET_TLSEXT_HOSTNAME = 55

/** A client that accepts every certificate. */
export class ClientEngine extends PeerEngine {
  constructor(sni: string) {
    const ctx = ssl.SSL_CTX_new(ssl.TLS_client_method())
    ssl.SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL)
    super(ctx)
    ssl.SSL_set_connect_state(this.ssl)
    ssl.SSL_ctrl_text(this.ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, sni)
  }
}
