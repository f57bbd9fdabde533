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
  /** RFC 8336. */
  origin: 12,
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

/** Receives the payload of one frame, in pieces that are valid during the call. */
export type PayloadReader = (piece: Buffer) => void

/**
 * Finds the frames in the bytes of one end, for what nghttp2 does not tell. It keeps no payload. nghttp2 checks the same
 * bytes after it.
 */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void
  readonly #payloadOf: ((frame: Frame) => PayloadReader | undefined) | undefined
  readonly #head = Buffer.alloc(HEAD_BYTES)
  #headBytes = 0
  /** Bytes up to the next head. */
  #left: number
  #readPayload: PayloadReader | undefined

  /**
   * @param skip bytes before the first frame
   * @param payloadOf what reads the payload of a frame; undefined: it is skipped
   */
  constructor(
    onFrame: (frame: Frame) => void,
    skip = 0,
    payloadOf?: (frame: Frame) => PayloadReader | undefined,
  ) {
    this.#onFrame = onFrame
    this.#left = skip
    this.#payloadOf = payloadOf
  }

  take(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, bytes.length - at)
        this.#left -= skipped
        this.#readPayload?.(bytes.subarray(at, at + skipped))
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
      const frame = {
        type: head.readUInt8(3),
        flags: head.readUInt8(4),
        stream: head.readUInt32BE(5) & 0x7fff_ffff,
        length,
      }
      this.#onFrame(frame)
      this.#readPayload = this.#payloadOf?.(frame)
    }
  }
}
