/** RFC 8446 section 5.1: type, version, and two bytes of length. */
const HEADER_BYTES = 5

/**
 * The number of records without data that may come in addition: those of the handshake, tickets, occasional KeyUpdates. A
 * flood of KeyUpdates would be useless work, at 27 bytes each. TlsLink ends a sequence without any data sooner.
 */
const SPARE_RECORDS = 1024

/**
 * Counts the TLS records that have arrived, in pieces of any size, and those that OpenSSL has read.
 *
 * OpenSSL reads whole records. When it has read as many as are complete, there is nothing to read. A record that is not
 * counted as read may be one without data: only OpenSSL can tell.
 */
export class RecordCount {
  #begun = 0
  #complete = 0
  /** At least this many of the complete records have been read. */
  #read = 0
  #withData = 0
  /** Bytes of the current header that have arrived. */
  #header = 0
  /** Missing bytes of the record's body; during a header, the known part of its length. */
  #left = 0

  /** Those of which something has arrived. */
  get begun(): number {
    return this.#begun
  }

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

  /** OpenSSL has read a record with data. */
  hadData(): void {
    this.#withData++
    this.#read++
  }

  /** OpenSSL has read all complete records. */
  allRead(): void {
    this.#read = this.#complete
  }

  /** Whether OpenSSL has nothing to read. */
  get isAllRead(): boolean {
    return this.#read >= this.#complete
  }

  /**
   * Whether there are too many records without data. Call it when all have been read. Each record with data allows one
   * without, so a little data between KeyUpdates allows few of them.
   */
  get isFlood(): boolean {
    return this.#begun > 2 * this.#withData + SPARE_RECORDS
  }
}
