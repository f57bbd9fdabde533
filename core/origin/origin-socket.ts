import { Socket } from 'node:net'
import { codeOf } from '../base/thrown.js'

/**
 * A socket that is read to its end when nothing more can be written. An origin that answers and closes while it is still
 * sent something resets the connection: the write fails, and what it has said waits in the system. Node's sockets close
 * with the failed write, unread.
 *
 * Life: open -> deaf (a write has failed; what is written goes nowhere) -> closed, with the error of the write.
 */
export class OriginSocket extends Socket {
  #failed: Error | undefined

  override _write(chunk: unknown, encoding: BufferEncoding, callback: Done): void {
    if (this.#failed !== undefined) return callback()
    super._write(chunk, encoding, this.#unlessDeaf(callback))
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], callback: Done): void {
    if (this.#failed !== undefined) return callback()
    super._writev?.(chunks, this.#unlessDeaf(callback))
  }

  /** The end of what is read. The system has told the error already, and would call this an orderly end. */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk !== null || this.#failed === undefined) return super.push(chunk, encoding)
    this.destroy(this.#failed)
    return false
  }

  #unlessDeaf(callback: Done): Done {
    return error => {
      if (!DEAF.has(codeOf(error))) return callback(error)
      this.#failed = error ?? undefined
      callback()
    }
  }
}

type Done = (error?: Error | null) => void

/** The origin has closed its connection; it may have sent something before. */
const DEAF: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET'])
