import { type OpenSslError, takeError } from './errors.js'
import type { Handle } from './library.js'
import * as ssl from './library.js'
import { borrowPlaintext, type Plaintext, RECORD_BYTES } from './plaintext.js'
import { RecordCount } from './record-count.js'

const SSL_ERROR_WANT_READ = 2
const SSL_ERROR_WANT_WRITE = 3
const SSL_ERROR_ZERO_RETURN = 6

export type ReadResult = Buffer | 'later' | 'end' | 'failed'
export type WriteResult = 'done' | 'later' | 'failed'

/** Plaintext in and out of an `SSL*` whose handshake is done. It does not own it. */
export class Established {
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

  /** Every byte that OpenSSL is to read, of the handshake as well. */
  heard(bytes: Uint8Array): void {
    this.#records.heard(bytes)
  }

  /** A view of the memory; `later` when there is nothing yet, `end` after the other side's close_notify. */
  read(into: Plaintext = borrowPlaintext()): ReadResult {
    if (this.#over !== undefined) return this.#over
    let filled = 0
    // To ask OpenSSL for what is not there costs as much as to read a record.
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

  /** Kept at once: when asked again, OpenSSL takes a fatal alert for an orderly end. */
  #endOfRead(why: number): void {
    if (why === SSL_ERROR_WANT_READ) {
      this.#records.allRead()
      if (this.#records.isFlood) this.#over = this.#fail('too many TLS records without data')
      return
    }
    if (why === SSL_ERROR_WANT_WRITE) return
    this.#over = why === SSL_ERROR_ZERO_RETURN ? 'end' : this.#fail()
  }

  #fail(reason = 'the connection broke'): 'failed' {
    this.#error = takeError() ?? { reason, alert: undefined }
    return 'failed'
  }

  /** @returns `later` when OpenSSL must read first: the rest is kept, see {@link retryWrite} */
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
    if (why !== SSL_ERROR_WANT_READ && why !== SSL_ERROR_WANT_WRITE) return this.#fail()
    this.#unsent.push(Buffer.from(rest))
    return 'later'
  }

  /** Goes on with what a `write` left; to be called after a `read`. */
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

  /** Has OpenSSL make a close_notify. */
  shutdown(): void {
    if (this.#error !== undefined) return
    ssl.ERR_clear_error()
    ssl.SSL_shutdown(this.#handle())
    ssl.ERR_clear_error()
  }
}
