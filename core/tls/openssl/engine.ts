/**
 * The part that both engines share: one `SSL*` over two memory BIOs, the steps of its handshake, and the traffic after it.
 * Bytes in, bytes out, no socket.
 *
 * A subclass says when OpenSSL may be parked, and confirms that every gate was opened. Every other answer of OpenSSL is a
 * failure.
 */
import { type OpenSslError, SSL_ERROR, takeError } from './errors.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { drainBio, newMemoryBio } from './memory-bio.js'
import { Owned } from './owned.js'
import { type PooledBuffer, type ReadResult, Traffic, type WriteResult } from './traffic.js'

/** @typeParam Parked names of the places where the handshake can wait */
export type Progress<Parked extends string> = 'wants-input' | Parked | 'established' | 'failed'

const BIO_CTRL_RESET = 1

export abstract class Engine<Parked extends string = string> {
  readonly #ssl: Owned
  /** Owned by the SSL, freed with it. */
  readonly #in: Handle
  readonly #out: Handle
  /** The maps in which C callbacks find this engine by its `SSL*`. */
  readonly #registries: Map<Handle, unknown>[] = []
  protected readonly traffic = new Traffic(() => this.handle)
  #isEstablished = false
  /** Whether plaintext may pass. */
  protected isOpen = false
  #error: OpenSslError | undefined

  /** @param ctx the SSL_CTX */
  constructor(ctx: Handle) {
    ssl.ERR_clear_error()
    this.#ssl = new Owned('SSL', ssl.SSL_new(ctx), handle => {
      this.beforeFree(handle)
      // Before SSL_free: the address may be used for a new object.
      for (const registry of this.#registries) registry.delete(handle)
      ssl.SSL_free(handle)
    })
    this.#in = newMemoryBio()
    this.#out = newMemoryBio()
    ssl.SSL_set_bio(this.handle, this.#in, this.#out)
  }

  protected get handle(): Handle {
    return this.#ssl.handle
  }

  /** Lets a C callback find this engine, as long as its `SSL*` exists. */
  protected register<T>(registry: Map<Handle, T>, subject: T): void {
    registry.set(this.handle, subject)
    this.#registries.push(registry)
  }

  protected beforeFree(_handle: Handle): void {}

  /** @returns where the handshake is parked, if the SSL_ERROR number `why` says so */
  protected abstract parkedAt(why: number): Parked | 'wants-input' | undefined

  /** Whether OpenSSL may ask for more bytes now. */
  protected get mayWait(): boolean {
    return true
  }

  /** Called when OpenSSL reports the end of the handshake. @returns why the engine does not accept it */
  protected abstract confirm(): string | undefined

  /** Ciphertext from the peer. */
  receive(bytes: Uint8Array): void {
    if (this.#ssl.isFreed) return
    this.traffic.heard(bytes)
    ssl.BIO_write(this.#in, bytes, bytes.length)
  }

  /** How many TLS records have begun to arrive, those of the handshake included. */
  get recordsHeard(): number {
    return this.traffic.recordsHeard
  }

  /** Ciphertext for the peer: at most one flight. */
  take(): Buffer | undefined {
    return this.#ssl.isFreed ? undefined : drainBio(this.#out)
  }

  /** Continues the handshake as far as it can. */
  advance(): Progress<Parked> {
    if (this.#isEstablished) return 'established'
    if (this.#error !== undefined) return 'failed'
    ssl.ERR_clear_error()
    const handle = this.handle
    const returned = ssl.SSL_do_handshake(handle)
    if (returned === 1) return this.#finish()
    const why = ssl.SSL_get_error(handle, returned)
    const parked = this.parkedAt(why)
    if (parked !== undefined) return parked
    if ((why === SSL_ERROR.WANT_READ || why === SSL_ERROR.WANT_WRITE) && this.mayWait) return 'wants-input'
    // With SSL_ERROR_SSL only an alert waits in the BIO. Otherwise it could be a Finished that no gate allowed.
    if (why !== SSL_ERROR.SSL) this.discardOutput()
    return this.fail('the handshake was not parked where it must be')
  }

  #finish(): Progress<Parked> {
    const objection = this.confirm()
    if (objection === undefined) {
      this.#isEstablished = true
      return 'established'
    }
    this.discardOutput()
    return this.fail(objection)
  }

  protected get isEstablished(): boolean {
    return this.#isEstablished
  }

  protected fail(otherwise: string): 'failed' {
    this.#error = takeError() ?? { reason: otherwise, alert: undefined }
    return 'failed'
  }

  protected discardInput(): void {
    ssl.BIO_ctrl(this.#in, BIO_CTRL_RESET, 0, NULL)
  }

  protected discardOutput(): void {
    drainBio(this.#out)
  }

  /** What ALPN has negotiated. Only when established. */
  get protocol(): string | undefined {
    return this.alpn
  }

  protected get alpn(): string | undefined {
    const at: [Handle] = [NULL]
    const length: [number] = [0]
    ssl.SSL_get0_alpn_selected(this.handle, at, length)
    return at[0] === NULL || length[0] === 0 ? undefined : ssl.copyFrom(at[0], length[0]).toString('latin1')
  }

  /** The cause of `failed`. */
  get error(): OpenSslError | undefined {
    return this.#error ?? this.traffic.error
  }

  /**
   * Plaintext from the peer, up to the size of the buffer.
   * @returns a view of the buffer, `later` when there is none yet, `end` after the peer's close_notify, `failed` otherwise
   */
  read(into?: PooledBuffer): ReadResult {
    return this.isOpen ? this.traffic.read(into) : 'later'
  }

  /**
   * Encrypts; the result waits in `take()`.
   * @returns `later` when OpenSSL must read first (half of a NewSessionTicket has arrived): the rest waits for `retryWrite`
   */
  write(bytes: Uint8Array): WriteResult {
    return this.isOpen ? this.traffic.write(bytes) : 'failed'
  }

  /** Writes the rest of an incomplete `write`. Call it after a `read`. */
  retryWrite(): WriteResult {
    return this.traffic.retryWrite()
  }

  get hasUnsent(): boolean {
    return this.traffic.hasUnsent
  }

  /** Puts a close_notify into `take()`. */
  shutdown(): void {
    if (this.isOpen) this.traffic.shutdown()
  }

  /** Safe to call twice; never from within OpenSSL's callback. */
  free(): void {
    this.#ssl.free()
  }
}
