import type { OnReadOpts } from 'node:net'

/** Bytes of one read: several TLS records in one system call. */
const RECEIVE_BYTES = 262_144

/** One buffer for all connections: the bytes of a read are copied or consumed before the next read. */
const memory = Buffer.allocUnsafeSlow(RECEIVE_BYTES)

/**
 * Takes a socket's bytes without a stream and without an allocation for each read. `connect` receives it as `onread`,
 * before there is a link. Bytes that arrive before `listen` are stored.
 */
export class Receiver {
  #early: Buffer[] | undefined
  #listener: ((bytes: Buffer) => void) | undefined

  readonly onread: OnReadOpts = {
    buffer: memory,
    callback: length => {
      const bytes = memory.subarray(0, length)
      if (this.#listener !== undefined) this.#listener(bytes)
      else if (this.#early === undefined) this.#early = [Buffer.from(bytes)]
      else this.#early.push(Buffer.from(bytes))
      return this.#listener !== undefined // false pauses the socket
    },
  }

  /** @param listener gets bytes that are overwritten when it has returned */
  listen(listener: (bytes: Buffer) => void): void {
    this.#listener = listener
    const early = this.#early
    this.#early = undefined
    if (early !== undefined) for (const bytes of early) listener(bytes)
  }
}
