/** So much without data may come at once: hundreds of session tickets, each as large as a client certificate makes it. */
const MAX_RECORDS = 512
const MAX_BYTES = 4_194_304
/** So much is forgotten in a second, because a connection without data may live for long. */
const RECORDS_PER_SECOND = 1
const BYTES_PER_SECOND = 16_384

/**
 * Measures the TLS records that bring no data: session tickets, and key updates, which cost the receiver far more than the
 * sender. Data makes up for what came before it.
 */
export class BarrenRecords {
  #records = 0
  #bytes = 0
  #at = 0

  /** @param now milliseconds of a monotonic clock */
  add(records: number, bytes: number, now: number): void {
    const seconds = (now - this.#at) / 1000
    this.#at = now
    this.#records = Math.max(0, this.#records - seconds * RECORDS_PER_SECOND) + records
    this.#bytes = Math.max(0, this.#bytes - seconds * BYTES_PER_SECOND) + bytes
  }

  /** Data has come. */
  clear(): void {
    this.#records = 0
    this.#bytes = 0
  }

  get isFlood(): boolean {
    return this.#records > MAX_RECORDS || this.#bytes > MAX_BYTES
  }
}
