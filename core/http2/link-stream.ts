import { Duplex } from 'node:stream'
import { toProxyError } from '../base/edge.js'
import type { ProxyError } from '../base/errors.js'
import type { Link, LinkSink } from '../vconn/link.js'

/** Sees the bytes of the other end before nghttp2 does. If it throws, nghttp2 does not see them, and `onFault` is called. */
export interface BytesGuard {
  take(bytes: Buffer): void
  onFault(why: ProxyError): void
}

/** Sees the bytes that go to the other end. It does not throw: nghttp2 is writing. */
export type BytesWatch = (bytes: Buffer) => void

/**
 * A link as a stream, because `node:http2` takes nothing else. It costs nothing where HTTP/1.1 is spoken. Sessions must not
 * be given a socket in its place: Node 20 then calls listeners of `close` from within nghttp2, and a reset of another stream
 * there does not return, if the stream that was closed had not ended.
 *
 * Life: made -> attached -> closed, together with the link.
 */
export class LinkStream extends Duplex implements LinkSink {
  readonly #link: Link
  readonly #guard: BytesGuard
  readonly #watch: BytesWatch
  #onWritten: (() => void) | undefined
  /** Everything was written, and its end. */
  #hasEnded = false

  constructor(link: Link, guard: BytesGuard, watch: BytesWatch) {
    super({ allowHalfOpen: true })
    this.#link = link
    this.#guard = guard
    this.#watch = watch
  }

  /** Begins to read. Bytes that have arrived may be delivered within this call. */
  begin(): void {
    this.#link.attach(this)
    if (!this.destroyed) this.#link.resume()
  }

  onData(bytes: Buffer): void {
    if (this.destroyed) return
    try {
      this.#guard.take(bytes)
    } catch (cause) {
      return this.#guard.onFault(toProxyError(cause, 'reading failed'))
    }
    if (!this.destroyed && !this.push(bytes)) this.#link.pause()
  }

  /** nghttp2 copies what it is given; what its session has not asked for yet waits in the stream. */
  keepsData(): boolean {
    return this.readableLength > 0
  }

  onDrain(): void {
    const onWritten = this.#onWritten
    this.#onWritten = undefined
    onWritten?.()
  }

  onEnd(): void {
    if (!this.destroyed) this.push(null)
  }

  onClose(cause: ProxyError | undefined): void {
    this.destroy(cause)
  }

  override _read(): void {
    this.#link.resume()
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, onWritten: () => void): void {
    this.#watch(bytes)
    if (this.#link.isClosed || this.#link.write(bytes)) onWritten()
    else this.#onWritten = onWritten
  }

  /** One write: a frame's head and its payload come apart. */
  override _writev(chunks: { chunk: Buffer }[], onWritten: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'utf8', onWritten)
  }

  /** The end of a link may close it at once, and the stream with it: node:http2 has to see the end first. */
  override _final(onEnded: () => void): void {
    this.#hasEnded = true
    onEnded()
    setImmediate(() => this.#link.end())
  }

  /** Completes a write that waits for the link: until its end is complete node:http2 might write once more, and asserts that it does not. */
  override end(...args: unknown[]): this {
    super.end(...(args as []))
    this.onDrain()
    return this
  }

  override _destroy(cause: Error | null, onDestroyed: (cause: Error | null) => void): void {
    // node:http2 destroys the stream before `_final` has ended the link. OpenSSL resumes no session without close_notify.
    if (cause === null && this.#hasEnded) this.#link.end()
    this.#link.destroy()
    this.onDrain()
    onDestroyed(cause)
  }
}
