/** The record layer of TLS (RFC 8446 section 5.1, RFC 5246 section 6.2.1) as far as it is plaintext. */

/** Content types. */
export const CHANGE_CIPHER_SPEC = 20
export const ALERT = 21
export const HANDSHAKE = 22

/** Bytes of a record's header. */
const HEADER = 5
/** A record in plaintext holds at most 2^14 bytes; an encrypted one 2048 more (RFC 5246 section 6.2.3). */
const MAX_FRAGMENT = 16_384 + 2048

export interface TlsFragment {
  readonly type: number
  readonly body: Buffer
  /** The offset of the next record. */
  readonly next: number
}

/** The record at `at`; `more` when it is incomplete, `not-tls` when it is not a record. */
export function readFragment(bytes: Buffer, at: number): TlsFragment | 'more' | 'not-tls' {
  const [type, major] = [bytes[at], bytes[at + 1]]
  if (type === undefined) return 'more'
  if (type < CHANGE_CIPHER_SPEC || type > 24 || (major !== undefined && major !== 3)) return 'not-tls'
  if (at + HEADER > bytes.length) return 'more'
  const length = bytes.readUInt16BE(at + 3)
  if (length > MAX_FRAGMENT || (length === 0 && type !== 23)) return 'not-tls'
  const next = at + HEADER + length
  return next > bytes.length ? 'more' : { type, body: bytes.subarray(at + HEADER, next), next }
}

/** A fatal alert in plaintext, as a record. */
export function fatalAlert(number: number): Buffer {
  return Buffer.from([ALERT, 3, 3, 0, 2, 2, number])
}

/** RFC 5246 section 7.2.2: the alerts that cancel a handshake: user_canceled, then close_notify. */
export const CANCELED = Buffer.from([ALERT, 3, 3, 0, 2, 1, 90, ALERT, 3, 3, 0, 2, 1, 0])

/** Bytes of a handshake message's header: its type, and its length. */
const MESSAGE_HEADER = 4

export interface HandshakeMessage {
  readonly type: number
  /** A view, valid until more bytes are added. */
  readonly body: Buffer
}

/**
 * Joins the fragments of handshake messages. The cost grows with the bytes, not with the number of records: a peer may cut
 * a message of 100 000 bytes into as many records.
 */
export class HandshakeMessages {
  #memory: Buffer = Buffer.alloc(0)
  #start = 0
  #end = 0

  /** Bytes that have not been taken out as part of a message. */
  get length(): number {
    return this.#end - this.#start
  }

  /** Bytes of the next message with its header; undefined until the header is complete. */
  get nextLength(): number | undefined {
    if (this.length < MESSAGE_HEADER) return undefined
    return MESSAGE_HEADER + this.#memory.readUIntBE(this.#start + 1, 3)
  }

  /** Copies the content of a record. */
  add(body: Buffer): void {
    if (this.#end + body.length > this.#memory.length) {
      const larger = Buffer.allocUnsafe(2 * (this.length + body.length))
      this.#end = this.#memory.copy(larger, 0, this.#start, this.#end)
      this.#start = 0
      this.#memory = larger
    }
    this.#end += body.copy(this.#memory, this.#end)
  }

  /** Takes the next message out if it is complete. */
  take(): HandshakeMessage | undefined {
    const length = this.nextLength
    if (length === undefined || length > this.length) return undefined
    const message = this.#memory.subarray(this.#start, this.#start + length)
    this.#start += length
    return { type: message.readUInt8(0), body: message.subarray(MESSAGE_HEADER) }
  }
}

/** Reads a structure of lengths and values. A wrong length sets `isBroken`; it does not throw. */
export class ByteReader {
  readonly #bytes: Buffer
  #at = 0
  #isBroken = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Whether a read went beyond the end. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** An unsigned number of 1 to 3 bytes. */
  number(size: 1 | 2 | 3): number {
    const bytes = this.take(size)
    return bytes.length === size ? bytes.readUIntBE(0, size) : 0
  }

  take(count: number): Buffer {
    const bytes = this.#bytes.subarray(this.#at, this.#at + count)
    if (bytes.length < count) this.#isBroken = true
    this.#at += bytes.length
    return bytes
  }

  /** The bytes after a length of 1 to 3 bytes. */
  vector(sizeOfLength: 1 | 2 | 3): Buffer {
    return this.take(this.number(sizeOfLength))
  }
}
