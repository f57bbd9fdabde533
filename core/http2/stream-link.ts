import { constants, type ServerHttp2Stream } from 'node:http2'
import { asFault } from '../base/edge.js'
import { ProxyError } from '../base/errors.js'
import type { ClientLink, LinkSink } from '../vconn/link.js'
import type { Endpoints } from '../vconn/vconn.js'

/**
 * A stream of a client as a link: the tunnel behind a CONNECT (RFC 9113 section 8.5). Its windows are the back-pressure.
 *
 * Life: answered elsewhere; open -> (end in one direction)* -> closed.
 */
export class StreamLink implements ClientLink {
  readonly localAddress: string
  readonly remoteAddress: string
  readonly #stream: ServerHttp2Stream
  #sink: LinkSink | undefined
  #cause: ProxyError | undefined
  #hasEnded = false
  #isClosed = false
  bytesWritten = 0

  /** @param ends of the connection that carries the stream */
  constructor(stream: ServerHttp2Stream, { localAddress, remoteAddress }: Endpoints) {
    this.#stream = stream
    this.localAddress = localAddress
    this.remoteAddress = remoteAddress
    stream.on('drain', () => this.#atEdge(sink => sink.onDrain()))
    stream.on('end', () => this.#onEnd())
    stream.on('close', () => this.#onClose())
  }

  get isClosed(): boolean {
    return this.#isClosed || this.#stream.destroyed
  }

  get isHolding(): boolean {
    return this.#stream.writableLength > 0
  }

  attach(sink: LinkSink): void {
    const isFirst = this.#sink === undefined
    this.#sink = sink
    if (this.#isClosed) return queueMicrotask(() => sink.onClose(this.#cause))
    if (this.#hasEnded) queueMicrotask(() => this.#atEdge(current => current.onEnd()))
    if (isFirst) this.#stream.on('data', (bytes: Buffer) => this.#atEdge(current => current.onData(bytes)))
  }

  write(bytes: Uint8Array): boolean {
    const stream = this.#stream
    if (!stream.writable || stream.closed) return true
    this.bytesWritten += bytes.length
    return stream.write(bytes)
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  end(): void {
    if (this.#stream.writable) this.#stream.end()
  }

  /** An end that is no orderly one is a reset, as that of a TCP connection is. */
  destroy(cause?: ProxyError): void {
    this.#cause ??= cause
    if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_CONNECT_ERROR)
  }

  reset(): void {
    this.destroy()
  }

  #onEnd(): void {
    if (this.#stream.aborted || (this.#stream.rstCode ?? 0) !== constants.NGHTTP2_NO_ERROR) return
    this.#hasEnded = true
    this.#atEdge(sink => sink.onEnd())
  }

  #onClose(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const code = this.#stream.rstCode ?? 0
    if (code !== constants.NGHTTP2_NO_ERROR || this.#stream.aborted)
      this.#cause ??= new ProxyError('PTC_CLIENT_GONE', `the client's stream was reset (${code})`)
    this.#atEdge(sink => sink.onClose(this.#cause))
  }

  /** An error of the sink ends this stream, and no other. */
  #atEdge(work: (sink: LinkSink) => void): void {
    const sink = this.#sink
    if (sink === undefined) return
    try {
      work(sink)
    } catch (cause) {
      this.destroy(asFault('a stream', cause))
    }
  }
}
