/** A client of TLS 1.3 that does what no client program can be told to do. Its objects are not counted among the proxy's. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import koffi from 'koffi'
import * as ssl from '../../core/tls/openssl/library.js'
import { type Handle, NULL } from '../../core/tls/openssl/library.js'
import { drainBio, newMemoryBio } from '../../core/tls/openssl/memory-bio.js'

const native = koffi.load(null)
const SSL_key_update: (s: Handle, type: number) => number = native.func(
  'int SSL_key_update(uintptr_t s, int type)',
)

const SSL_VERIFY_NONE = 0
const SSL_CTRL_SET_TLSEXT_HOSTNAME = 55
const SSL_KEY_UPDATE_NOT_REQUESTED = 0

/** Believes every certificate. Its natives end with its socket. */
export class UpdatingClient {
  readonly #socket: Socket
  readonly #ctx = ssl.SSL_CTX_new(ssl.TLS_client_method())
  readonly #ssl: Handle
  readonly #in = newMemoryBio()
  readonly #out = newMemoryBio()
  readonly #memory = Buffer.allocUnsafeSlow(16_384)
  #secure: () => void = () => {}
  #isOver = false
  /** What has been received. */
  text = ''
  /** When the handshake is done. */
  readonly secured: Promise<void>
  readonly closed: Promise<unknown>

  constructor(socket: Socket, sni: string) {
    this.#socket = socket
    this.secured = new Promise(resolve => {
      this.#secure = resolve
    })
    ssl.SSL_CTX_set_verify(this.#ctx, SSL_VERIFY_NONE, NULL)
    this.#ssl = ssl.SSL_new(this.#ctx)
    ssl.SSL_set_bio(this.#ssl, this.#in, this.#out)
    ssl.SSL_set_connect_state(this.#ssl)
    ssl.SSL_ctrl_text(this.#ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, sni)
    socket.on('error', () => {}) // its close follows
    socket.on('data', bytes => {
      ssl.BIO_write(this.#in, bytes, bytes.length)
      this.#turn()
    })
    this.closed = once(socket, 'close').then(() => {
      this.#isOver = true
      ssl.SSL_free(this.#ssl)
      ssl.SSL_CTX_free(this.#ctx)
    })
    this.#turn()
  }

  write(text: string): void {
    if (this.#isOver) return
    ssl.ERR_clear_error()
    const bytes = Buffer.from(text)
    ssl.SSL_write(this.#ssl, bytes, bytes.length)
    this.#flush()
  }

  /** That many KeyUpdates in a row. */
  update(count: number): void {
    for (let i = 0; i < count; i++) {
      ssl.ERR_clear_error()
      SSL_key_update(this.#ssl, SSL_KEY_UPDATE_NOT_REQUESTED)
      ssl.SSL_do_handshake(this.#ssl)
    }
    this.#flush()
  }

  #turn(): void {
    ssl.ERR_clear_error()
    if (ssl.SSL_do_handshake(this.#ssl) === 1) this.#secure()
    for (;;) {
      ssl.ERR_clear_error()
      const length = ssl.SSL_read(this.#ssl, ssl.addressOf(this.#memory), this.#memory.length)
      if (length <= 0) break
      this.text += this.#memory.toString('latin1', 0, length)
    }
    this.#flush()
  }

  #flush(): void {
    const bytes = drainBio(this.#out)
    if (bytes !== undefined) this.#socket.write(bytes)
  }
}
