/** How long the other end may be silent behind our last byte, in milliseconds. It reads that byte, and ends its direction. */
export const LINGER = 2_000
/** How long it may go on to send, in milliseconds: a program that reads no answer before it has sent all of a body. */
export const MAX_LINGER = 30_000
/** And how many bytes, by any time. */
const MAX_BYTES = 268_435_456

/**
 * What the other end still sends behind our last byte. It is read and dropped, because a connection that is closed with
 * unread bytes is reset, and a reset may destroy what we have sent before the other end has read it. This class bounds that:
 * the owner looks every {@link LINGER} milliseconds, and closes the connection when an answer is false.
 */
export class Linger {
  readonly #endsAt: number
  #bytes = 0
  #isSilent = true

  /** @param total milliseconds for all of it @param now monotonic, in milliseconds */
  constructor(total: number, now = performance.now()) {
    this.#endsAt = now + total
  }

  /** Bytes have come. @returns false: too many */
  heard(count: number): boolean {
    this.#isSilent = false
    this.#bytes += count
    return this.#bytes <= MAX_BYTES
  }

  /** @returns false: nothing has come since the last look, or the time is over */
  look(now = performance.now()): boolean {
    const wasSilent = this.#isSilent
    this.#isSilent = true
    return !wasSilent && now < this.#endsAt
  }
}
