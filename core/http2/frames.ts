/** Frame types (RFC 9113 section 6). */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4 } as const

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  /** Bytes of its payload. */
  readonly length: number
}

/** What every client sends first (RFC 9113 section 3.4). */
export const PREFACE_BYTES = 24
const HEAD_BYTES = 9

/**
 * Finds the frames in the bytes of one end, for what nghttp2 does not tell: it counts, and reads no payload. nghttp2 checks
 * the same bytes after it.
 */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void
  readonly #head = Buffer.alloc(HEAD_BYTES)
  #headBytes = 0
  /** Bytes up to the next head. */
  #left: number

  /** @param skip bytes before the first frame */
  constructor(onFrame: (frame: Frame) => void, skip = 0) {
    this.#onFrame = onFrame
    this.#left = skip
  }

  take(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, bytes.length - at)
        this.#left -= skipped
        at += skipped
        continue
      }
      const copied = bytes.copy(this.#head, this.#headBytes, at, at + HEAD_BYTES - this.#headBytes)
      this.#headBytes += copied
      at += copied
      if (this.#headBytes < HEAD_BYTES) return
      this.#headBytes = 0
      const head = this.#head
      const length = head.readUIntBE(0, 3)
      this.#left = length
      this.#onFrame({
        type: head.readUInt8(3),
        flags: head.readUInt8(4),
        stream: head.readUInt32BE(5) & 0x7fff_ffff,
        length,
      })
    }
  }
}
