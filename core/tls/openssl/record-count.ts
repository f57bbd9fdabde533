/** RFC 8446 section 5.1: type, version, and two bytes of length. */
const HEADER_BYTES = 5

/**
 * So many records more than those with data may come: the handshake's own, tickets, and a KeyUpdate now and then. A
 * flood of KeyUpdates would be work for nothing, at 27 bytes each. What comes in a row, without any data, TlsLink ends
 * sooner.
 */
const SPARE_RECORDS = 1024

/**
 * Counts TLS records as they come in, whatever pieces they come in, and those that have been read.
 *
 * A record is read whole. So there is nothing to read where as many have been read as are complete; what is not counted
 * as read may be one without data, about which only OpenSSL can tell.
 */
export class RecordCount {
  #begun = 0
  #complete = 0
  /** At least so many of the complete ones have been read. */
  #read = 0
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
        if (this.#left === 0) this.#complete++
        continue
      }
      const byte = bytes[at++] ?? 0
      this.#header++
      if (this.#header >= HEADER_BYTES - 1) this.#left = this.#left * 256 + byte
      if (this.#header < HEADER_BYTES) continue
      this.#header = 0
      this.#begun++
      if (this.#left === 0) this.#complete++
    }
  }

  /** One of them has brought data. */
  hadData(): void {
    this.#withData++
    this.#read++
  }

  /** OpenSSL has read all that are complete. */
  allRead(): void {
    this.#read = this.#complete
  }

  /** Whether OpenSSL has nothing to read. */
  get isAllRead(): boolean {
    return this.#read >= this.#complete
  }

  /**
   * Whether they are too many for what they have brought; to be asked when all have been read. Each record with data
   * allows for one without, so that a little data between KeyUpdates buys few of them.
   */
  get isFlood(): boolean {
    return this.#begun > 2 * this.#withData + SPARE_RECORDS
  }
}
