import { constants, type Http2Stream } from 'node:http2'
import { asFault } from '../base/edge.js'
import { ProxyError } from '../base/errors.js'
import type { ClientLink, LinkSink } from '../vconn/link.js'
import type { Endpoints } from '../vconn/vconn.js'

const { NGHTTP2_CANCEL, NGHTTP2_CONNECT_ERROR, NGHTTP2_NO_ERROR } = constants

/** What a stream carries: whose it is, the error when its peer has reset it, and the code with which it is reset here. */
const KINDS = {
  /** RFC 9113 section 8.5. */
  connect: { peer: 'client', gone: 'PTC_CLIENT_GONE', reset: NGHTTP2_CONNECT_ERROR },
  /** RFC 8441 section 5. */
  extended: { peer: 'client', gone: 'PTC_CLIENT_GONE', reset: NGHTTP2_CANCEL },
  /** The same, to an origin. */
  origin: { peer: 'origin', gone: 'PTC_ORIGIN_CLOSED', reset: NGHTTP2_CANCEL },
} as const

/**
 * Options of the head in front of a tunnel. `node:http2` ends a stream before it resets it, so that a reset would look like
 * an end. It does not where trailers are awaited: the owner of the stream answers `wantTrailers`, unless it is closed.
 */
export const TUNNEL = { waitForTrailers: true } as const

/**
 * A stream as a link: the tunnel behind a CONNECT, of a client, or to an origin. Its windows are the back-pressure.
 *
 * Life: answered elsewhere; open -> (end in one direction)* -> closed.
 */
export class StreamLink implements ClientLink {
  readonly localAddress: string
  readonly remoteAddress: string
  readonly #stream: Http2Stream
  readonly #kind: (typeof KINDS)[keyof typeof KINDS]
  #sink: LinkSink | undefined
  #cause: ProxyError | undefined
  #hasEnded = false
  #isClosed = false
  bytesWritten = 0

  /** @param ends of the connection that carries the stream */
  constructor(stream: Http2Stream, { localAddress, remoteAddress }: Endpoints, kind: keyof typeof KINDS) {
    this.#stream = stream
    this.#kind = KINDS[kind]
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
    if (!this.#stream.closed) this.#stream.close(this.#kind.reset)
  }

  reset(): void {
    this.destroy()
  }

  #onEnd(): void {
    if (this.#stream.aborted || (this.#stream.rstCode ?? 0) !== NGHTTP2_NO_ERROR) return
    this.#hasEnded = true
    this.#atEdge(sink => sink.onEnd())
  }

  #onClose(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const code = this.#stream.rstCode ?? 0
    const { peer, gone } = this.#kind
    if (code !== NGHTTP2_NO_ERROR || this.#stream.aborted)
      this.#cause ??= new ProxyError(gone, `the ${peer}'s stream was reset (${code})`)
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
