import { FRAME, type Frame, type PayloadReader } from './frames.js'

/** Bytes of all ORIGIN frames of one connection. An origin that sends more names no others than it has named. */
const MAX_BYTES = 16_384
/** Flags that are reserved: a frame that has one means nothing (RFC 8336 section 2.1). */
const RESERVED = 0x0f

/**
 * The origins that a connection may be used for, as far as its server restricts them by ORIGIN frames (RFC 8336). Here a
 * frame never adds a name to those that certificate and address allow: it only takes away.
 *
 * Life: unrestricted -> restricted with the first frame, also if that is empty.
 */
export class OriginSet {
  #origins: Set<string> | undefined
  #bytes = 0

  /** What reads a frame's payload, if it is an ORIGIN frame. */
  readonly payloadOf = ({ type, flags, stream, length }: Frame): PayloadReader | undefined => {
    if (type !== FRAME.origin || stream !== 0 || (flags & RESERVED) !== 0) return undefined
    this.#origins ??= new Set()
    this.#bytes += length
    if (this.#bytes > MAX_BYTES) return undefined
    const pieces: Buffer[] = []
    let left = length
    return piece => {
      pieces.push(Buffer.from(piece))
      left -= piece.length
      if (left === 0) this.#read(Buffer.concat(pieces))
    }
  }

  /** @param origin as a frame has it: `https://host`, with the port where it is not 443 */
  allows(origin: string): boolean {
    return this.#origins?.has(origin) ?? true
  }

  /** Entries with their lengths in front. An entry that is cut off ends the list. */
  #read(payload: Buffer): void {
    for (let at = 0; at + 2 <= payload.length; ) {
      const end = at + 2 + payload.readUInt16BE(at)
      if (end > payload.length) return
      this.#origins?.add(payload.toString('latin1', at + 2, end).toLowerCase())
      at = end
    }
  }
}
