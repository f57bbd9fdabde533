import { type OpenSslError, SSL_ERROR, takeError } from './errors.js'
import * as ssl from './library.js'
import { addressOf, type Handle } from './library.js'
import { RecordCount } from './record-count.js'

/** The plaintext of one TLS record; SSL_read never gives more at once. */
const RECORD_BYTES = 16_384
const POOLED_BYTES = 8 * RECORD_BYTES

/** A buffer for SSL_read. Its bytes keep their address. */
export interface PooledBuffer {
  readonly bytes: Buffer
  readonly address: Handle
}

/** The pool holds one buffer: reads overlap only when a receiver causes another read. */
let pooled: PooledBuffer | undefined

/** Takes the pooled buffer for one read, or a new one while it is in use. */
export function acquireBuffer(): PooledBuffer {
  const acquired = pooled
  pooled = undefined
  if (acquired !== undefined) return acquired
  const bytes = Buffer.allocUnsafeSlow(POOLED_BYTES)
  return { bytes, address: addressOf(bytes) }
}

/** Returns the buffer for reuse; no view of it may remain. A buffer with views is not returned, but collected. */
export function releaseBuffer(buffer: PooledBuffer): void {
  pooled = buffer
}

export type ReadResult = Buffer | 'later' | 'end' | 'failed'
export type WriteResult = 'done' | 'later' | 'failed'

/** Plaintext in and out of an `SSL*` after its handshake. It does not own the `SSL*`. */
export class Traffic {
  readonly #handle: () => Handle
  readonly #records = new RecordCount()
  #over: 'end' | 'failed' | undefined
  #error: OpenSslError | undefined
  #unsent: Buffer[] = []

  constructor(handle: () => Handle) {
    this.#handle = handle
  }

  get error(): OpenSslError | undefined {
    return this.#error
  }

  /** Call it with every byte for OpenSSL, also those of the handshake. */
  heard(bytes: Uint8Array): void {
    this.#records.heard(bytes)
  }

  get recordsHeard(): number {
    return this.#records.begun
  }

  /** @returns a view of the buffer; `later` when there is nothing yet, `end` after the peer's close_notify */
  read(into: PooledBuffer = acquireBuffer()): ReadResult {
    if (this.#over !== undefined) return this.#over
    let filled = 0
    // An SSL_read that finds nothing costs as much as one that reads a record.
    while (filled <= into.bytes.length - RECORD_BYTES && !this.#records.isAllRead) {
      const handle = this.#handle()
      ssl.ERR_clear_error()
      const length = ssl.SSL_read(handle, (into.address + filled) as Handle, RECORD_BYTES)
      if (length <= 0) {
        this.#endOfRead(ssl.SSL_get_error(handle, length))
        break
      }
      filled += length
      this.#records.hadData()
    }
    return filled > 0 ? into.bytes.subarray(0, filled) : (this.#over ?? 'later')
  }

  /** Stores the first answer: at a second call OpenSSL reports a fatal alert as an orderly end. */
  #endOfRead(why: number): void {
    if (why === SSL_ERROR.WANT_READ) {
      this.#records.allRead()
      if (this.#records.isFlood) this.#over = this.#fail('too many TLS records without data')
      return
    }
    if (why === SSL_ERROR.WANT_WRITE) return
    this.#over = why === SSL_ERROR.ZERO_RETURN ? 'end' : this.#fail()
  }

  #fail(reason = 'the connection broke'): 'failed' {
    this.#error = takeError() ?? { reason, alert: undefined }
    return 'failed'
  }

  /** @returns `later` when OpenSSL must read first: the rest waits for {@link retryWrite} */
  write(bytes: Uint8Array): WriteResult {
    if (this.#unsent.length > 0) {
      this.#unsent.push(Buffer.from(bytes))
      return 'later'
    }
    for (let at = 0; at < bytes.length; ) {
      ssl.ERR_clear_error()
      const rest = at === 0 ? bytes : bytes.subarray(at)
      const handle = this.#handle()
      const written = ssl.SSL_write(handle, rest, rest.length)
      if (written <= 0) return this.#writeLater(rest, ssl.SSL_get_error(handle, written))
      at += written
    }
    return 'done'
  }

  #writeLater(rest: Uint8Array, why: number): WriteResult {
    if (why !== SSL_ERROR.WANT_READ && why !== SSL_ERROR.WANT_WRITE) return this.#fail()
    this.#unsent.push(Buffer.from(rest))
    return 'later'
  }

  /** Writes the rest of an incomplete `write`. Call it after a `read`. */
  retryWrite(): WriteResult {
    const waiting = this.#unsent.splice(0)
    let result: WriteResult = 'done'
    for (const bytes of waiting) {
      result = this.write(bytes)
      if (result === 'failed') break
    }
    return result
  }

  get hasUnsent(): boolean {
    return this.#unsent.length > 0
  }

  /** Makes OpenSSL write a close_notify. */
  shutdown(): void {
    if (this.#error !== undefined) return
    ssl.ERR_clear_error()
    ssl.SSL_shutdown(this.#handle())
    ssl.ERR_clear_error()
  }
}
