import { Socket } from 'node:net'
import { codeOf } from '../base/thrown.js'
import type { LinkSocket } from './closed-socket.js'

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

  /** The end of what is read. The system has told the error already, and would call this an orderly end. */
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
