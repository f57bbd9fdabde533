import { NoAnswer } from './no-answer.js'

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  context0: 0xa0,
} as const

/**
 * Walks over DER elements that lie side by side, without an object for each: a revocation list has a million of them, for
 * which the ASN.1 library takes minutes and gigabytes. Parts that are small are left to the library.
 */
export class DerCursor {
  readonly bytes: Buffer
  #next: number
  #limit: number
  /** The element of the last `take`: its tag, its first byte, and its content. */
  tag = 0
  begin = 0
  start = 0
  end = 0

  constructor(bytes: Buffer, from = 0, limit = bytes.length) {
    this.bytes = bytes
    this.#next = from
    this.#limit = limit
  }

  get isAtEnd(): boolean {
    return this.#next === this.#limit
  }

  /** Walks over another part of the same bytes from now on. */
  move(from: number, limit: number): void {
    this.#next = from
    this.#limit = limit
  }

  /** Whether the next element has this tag. */
  sees(tag: number): boolean {
    return this.#next < this.#limit && this.bytes[this.#next] === tag
  }

  /** @throws {NoAnswer} when there is no such element, whole */
  take(wanted: number): this {
    const { bytes } = this
    const at = this.#next
    const tag = at < this.#limit ? (bytes[at] ?? 0) : -1
    if (tag !== wanted || at + 2 > this.#limit) throw notDer()
    let length = bytes[at + 1] ?? 0
    let start = at + 2
    if (length >= 0x80) {
      const count = length & 0x7f
      if (count === 0 || count > 4 || start + count > this.#limit) throw notDer()
      length = bytes.readUIntBE(start, count)
      start += count
    }
    if (start + length > this.#limit) throw notDer()
    this.tag = tag
    this.begin = at
    this.start = start
    this.end = start + length
    this.#next = this.end
    return this
  }

  /** All bytes of the last element: a view. */
  get element(): Buffer {
    return this.bytes.subarray(this.begin, this.end)
  }

  /** The content of the last element: a view. */
  get content(): Buffer {
    return this.bytes.subarray(this.start, this.end)
  }

  /** A cursor in the last element. */
  inside(): DerCursor {
    return new DerCursor(this.bytes, this.start, this.end)
  }

  /** @throws {NoAnswer} when elements are left */
  finish(): void {
    if (!this.isAtEnd) throw notDer()
  }
}

/** The content of a BIT STRING of whole bytes, the last element. */
export function bitsOf(cursor: DerCursor): Buffer {
  const { content } = cursor
  if (content[0] !== 0) throw notDer()
  return content.subarray(1)
}

/**
 * Takes a time as RFC 5280 section 4.1.2.5 has it.
 * @returns milliseconds since the epoch
 */
export function takeTime(cursor: DerCursor): number {
  const isShort = cursor.sees(TAG.utcTime)
  const text = cursor.take(isShort ? TAG.utcTime : TAG.generalizedTime).content.toString('latin1')
  const digits = isShort ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits) ?? []
  const [year = Number.NaN, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number)
  const time = Date.UTC(year, month - 1, day, hour, minute, second)
  if (Number.isNaN(time)) throw notDer()
  return time
}

export const notDer = (): NoAnswer => new NoAnswer('it is not the DER that X.509 asks for')
