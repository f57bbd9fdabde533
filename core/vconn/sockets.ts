/** What links use of Node's sockets: how bytes are read, what is read last, and what is left of a socket that has closed. */
import { type OnReadOpts, Socket } from 'node:net'
import { codeOf } from '../base/thrown.js'

/** What a link uses of its socket. */
export type LinkSocket = Pick<
  Socket,
  | 'bytesRead'
  | 'bytesWritten'
  | 'destroyed'
  | 'localAddress'
  | 'localPort'
  | 'readableEnded'
  | 'remoteAddress'
  | 'remotePort'
  | 'writable'
  | 'writableLength'
> & {
  on(event: 'end' | 'drain', listener: () => void): unknown
  on(event: 'data', listener: (bytes: Buffer) => void): unknown
  once(event: 'close', listener: () => void): unknown
  write(bytes: Uint8Array): boolean
  pause(): unknown
  resume(): unknown
  end(): unknown
  destroy(): unknown
  resetAndDestroy(): unknown
}

const nothing = (): undefined => undefined

/** Stands for sockets that have closed: with its streams and listeners a socket takes 2 KB. */
export const CLOSED: LinkSocket = Object.freeze({
  bytesRead: 0,
  bytesWritten: 0,
  destroyed: true,
  readableEnded: true,
  remoteAddress: undefined,
  remotePort: undefined,
  writable: false,
  writableLength: 0,
  on: nothing,
  once: nothing,
  write: () => false,
  pause: nothing,
  resume: nothing,
  end: nothing,
  destroy: nothing,
  resetAndDestroy: nothing,
})

type Done = (error?: Error | null) => void

/** The other end has closed its connection; it may have sent something before. */
const DEAF: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET'])

/** Why nothing more can be written, by socket. */
const failures = new WeakMap<Socket, Error>()

/**
 * A socket that is read to its end when nothing more can be written. A peer that says something and closes while it is
 * still sent something resets the connection: the write fails, and what it has said waits in the system. Node's sockets
 * close with the failed write, unread.
 *
 * Life: open -> deaf (a write has failed; what is written goes nowhere) -> closed, with the error of the write.
 */
export class LastWordsSocket extends Socket {
  override _write(chunk: unknown, encoding: BufferEncoding, callback: Done): void {
    if (failures.has(this)) return callback()
    super._write(chunk, encoding, unlessDeaf(this, callback))
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], callback: Done): void {
    if (failures.has(this)) return callback()
    super._writev?.(chunks, unlessDeaf(this, callback))
  }

  /** The end of what is read. The system has reported the error already, and would call this an orderly end. */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    const failure = chunk === null ? failures.get(this) : undefined
    if (failure === undefined) return super.push(chunk, encoding)
    this.destroy(failure)
    return false
  }
}

function unlessDeaf(socket: Socket, callback: Done): Done {
  return error => {
    if (error == null || !DEAF.has(codeOf(error)) || socket.readableEnded) return callback(error)
    failures.set(socket, error)
    socket.once('end', () => socket.destroy(error)) // of one that had ended and was not read so far
    callback()
  }
}

/**
 * Makes a socket of this class of one that Node has accepted: a server offers no way to choose the class. The two classes
 * have the same fields. What stands for a closed socket stays as it is.
 */
export function readToEnd(socket: LinkSocket): void {
  const isPlain = socket instanceof Socket && !(socket instanceof LastWordsSocket)
  if (isPlain) Object.setPrototypeOf(socket, LastWordsSocket.prototype)
}

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
