/** RFC 8446 section 5.1: type, version, and two bytes of length. */
const HEADER_BYTES = 5

/**
 * So many records more than those with data may come: the handshake's own, tickets, and a KeyUpdate now and then. A
 * flood of KeyUpdates would be work for nothing, at 27 bytes each. What comes in a row, without any data, TlsLink ends
 * sooner.
 */
const SPARE_RECORDS = 1024

/** Counts TLS records as they come in, whatever pieces they come in. */
export class RecordCount {
  #begun = 0
  #withData = 0
  /** How much of a header has come. */
  #header = 0
  /** What is missing of the record's body; while a header comes, what is known of its length. */
  #left = 0

  heard(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#header === 0 && this.#left > 0) {
        const skipped = Math.min(this.#left, bytes.length - at)
        this.#left -= skipped
        at += skipped
        continue
      }
      const byte = bytes[at++] ?? 0
      this.#header++
      if (this.#header >= HEADER_BYTES - 1) this.#left = this.#left * 256 + byte
      if (this.#header < HEADER_BYTES) continue
      this.#header = 0
      this.#begun++
    }
  }

  /** One of them has brought data. */
  hadData(): void {
    this.#withData++
  }

  /**
   * Whether they are too many for what they have brought; to be asked when all have been read. Each record with data
   * allows for one without, so that a little data between KeyUpdates buys few of them.
   */
  get isFlood(): boolean {
    return this.#begun > 2 * this.#withData + SPARE_RECORDS
  }
}
