import { ProxyError } from '../base/errors.js'

/**
 * Takes the blanks behind chunk sizes out of a chunked body. Old servers pad them; the grammar of RFC 9112 section 7.1 has
 * blanks only in front of an extension, and llhttp refuses all. Nothing else is changed: from the first byte that is out of
 * place everything goes on as it came, for the parser to refuse.
 */
export class ChunkPadding {
  #at: 'size' | 'padding' | 'extension' | 'line-end' | 'chunk' | 'as-it-is' = 'size'
  #size = 0
  #digits = 0
  /** Bytes of the present chunk that have not come, its line end included. */
  #left = 0
  /** Whether blanks were taken out. */
  hasCut = false

  /**
   * @returns the same bytes if nothing is taken out of them, else new ones
   * @throws {ProxyError} PTC_RESPONSE_MALFORMED if blanks stand within a size
   */
  take(bytes: Buffer): Buffer {
    let out: Buffer | undefined
    let length = 0
    /** What was not copied to `out` begins here. */
    let from = 0
    for (let i = 0; i < bytes.length && this.#at !== 'as-it-is'; ) {
      if (this.#at === 'chunk') {
        i += this.#skip(bytes.length - i)
        continue
      }
      if (this.#isPadding(bytes[i] ?? 0)) {
        this.hasCut = true
        out ??= Buffer.allocUnsafe(bytes.length)
        length += bytes.copy(out, length, from, i)
        from = i + 1
      }
      i += 1
    }
    return out === undefined ? bytes : out.subarray(0, length + bytes.copy(out, length, from))
  }

  #skip(available: number): number {
    const count = Math.min(this.#left, available)
    this.#left -= count
    if (this.#left === 0) this.#at = 'size'
    return count
  }

  /** Reads one byte of the line with the size. @returns whether it is left out */
  #isPadding(byte: number): boolean {
    if (this.#at === 'line-end') {
      this.#lineEnd(byte)
      return false
    }
    const isBlank = byte === SPACE || byte === TAB
    if (isBlank && this.#digits > 0 && this.#at !== 'extension') {
      this.#at = 'padding'
      return true
    }
    if (byte === CR && this.#digits > 0) this.#at = 'line-end'
    else if (this.#at === 'size') this.#digit(byte)
    else if (this.#at === 'padding') {
      if (byte !== SEMICOLON) throw blanksInside()
      this.#at = 'extension'
    }
    return false
  }

  #digit(byte: number): void {
    const digit = Number.parseInt(String.fromCharCode(byte), 16)
    if (Number.isNaN(digit) || this.#digits >= MAX_DIGITS) {
      this.#at = byte === SEMICOLON && this.#digits > 0 ? 'extension' : 'as-it-is'
      return
    }
    this.#size = this.#size * 16 + digit
    this.#digits += 1
  }

  /** Behind the last chunk stand trailers, in which nothing is changed. */
  #lineEnd(byte: number): void {
    this.#at = byte === LF && this.#size > 0 ? 'chunk' : 'as-it-is'
    this.#left = this.#size + LINE_END
    this.#size = 0
    this.#digits = 0
  }
}

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const SEMICOLON = 0x3b
const LINE_END = 2
/** Below 2^53. Leading zeros count; a size with more digits is for the parser. */
const MAX_DIGITS = 13

const blanksInside = (): ProxyError =>
  new ProxyError('PTC_RESPONSE_MALFORMED', "the origin's response is malformed: blanks within a chunk size")
