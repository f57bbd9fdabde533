// Longer than 250 lines because both directions, and their ends, share one state.
import type { Side } from '../base/error-table.js'
import { ProxyError } from '../base/errors.js'
import { type ClientLink, endGently, type Link, type LinkSink } from '../vconn/link.js'
import { BarrenRecords } from './barren-records.js'
import type { Engine } from './openssl/engine.js'
import { acquireBuffer, releaseBuffer } from './openssl/traffic.js'

/** Milliseconds that the peer has, after its own end, to read what is still in transit to it. */
const LINGER = 30_000

/** An engine after its handshake, of either direction. */
export type TlsEngine = Pick<
  Engine,
  | 'receive'
  | 'recordsHeard'
  | 'take'
  | 'read'
  | 'write'
  | 'retryWrite'
  | 'hasUnsent'
  | 'shutdown'
  | 'error'
  | 'free'
>

type Peer = Exclude<Side, 'internal'>
const LOST = { origin: 'PTC_ORIGIN_CLOSED', client: 'PTC_CLIENT_GONE' } as const

/**
 * Plaintext over an established engine, for both directions: a Link above, the sink of the TCP link below.
 *
 * Life: open -> closed. Ciphertext waits in the engine, and the TCP link is paused, in three cases: no receiver is attached,
 * the receiver has paused, or the peer does not read what TLS itself must answer (`choked`). The end of the TCP connection
 * counts only when everything before it has been delivered. Only `#close` frees the engine.
 */
export class TlsLink implements ClientLink, LinkSink {
  readonly copiesData = true
  readonly #tcp: Link
  readonly #engine: TlsEngine
  readonly #onClosed: () => void
  readonly #side: Peer
  #sink: LinkSink | undefined
  #cause: ProxyError | undefined
  #isPaused = false
  #isChoked = false
  #isReading = false
  #isClosed = false
  /** Those since the last plaintext. */
  readonly #barren = new BarrenRecords()
  bytesWritten = 0
  /** The peer's close_notify has been delivered. */
  #hasPeerEnded = false
  /** Our close_notify has been sent. */
  #hasEnded = false
  /** The TCP connection ended below us; with `gone`, in both directions. */
  #tcpEnd: 'fin' | 'gone' | undefined

  /**
   * @param onClosed called exactly once, when the link is closed
   * @param side the peer: client or origin
   */
  constructor(tcp: Link, engine: TlsEngine, onClosed: () => void, side: Peer = 'origin') {
    this.#side = side
    this.#tcp = tcp
    this.#engine = engine
    this.#onClosed = onClosed
    tcp.attach(this)
  }

  get localAddress(): string {
    return this.#tcp.localAddress
  }

  get remoteAddress(): string {
    return this.#tcp.remoteAddress
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get isHolding(): boolean {
    return !this.#isClosed && this.#engine.hasUnsent
  }

  attach(sink: LinkSink): void {
    this.#sink = sink
    if (this.#isClosed) return queueMicrotask(() => sink.onClose(this.#cause))
    this.#isPaused = false
    this.#goOn()
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isClosed || this.#hasEnded) return true
    this.bytesWritten += bytes.length
    const written = this.#engine.write(bytes)
    if (written === 'failed') this.#fail()
    return this.#flush() && written === 'done'
  }

  pause(): void {
    this.#isPaused = true
    this.#tcp.pause()
  }

  resume(): void {
    if (!this.#isPaused || this.#isClosed) return
    this.#isPaused = false
    this.#goOn()
  }

  end(): void {
    if (this.#isClosed || this.#hasEnded) return
    this.#hasEnded = true
    if (this.#engine.hasUnsent) return
    this.#sendEnd()
    if (this.#hasPeerEnded) this.#closeGently()
  }

  destroy(cause?: ProxyError): void {
    if (this.#isClosed) return
    this.#tcp.destroy(cause)
    this.#close(cause)
  }

  /** No close_notify is sent: the peer can tell that the end is an error. */
  reset(): void {
    this.destroy()
  }

  readToEnd(): void {
    this.#tcp.readToEnd?.()
  }

  onData(bytes: Buffer): void {
    if (this.#isClosed || this.#hasPeerEnded) return
    const before = this.#engine.recordsHeard
    this.#engine.receive(bytes)
    this.#barren.add(this.#engine.recordsHeard - before, bytes.length, performance.now())
    this.#read()
    if (this.#barren.isFlood && this.#mayDeliver)
      this.#cut(`the ${this.#side} sent much TLS and not a byte of data`)
  }

  onDrain(): void {
    if (this.#isChoked) {
      this.#isChoked = false
      this.#goOn()
    }
    if (!this.#engine.hasUnsent) this.#sink?.onDrain()
  }

  onEnd(): void {
    this.#tcpEnd = 'fin'
    this.#read()
  }

  onClose(cause: ProxyError | undefined): void {
    if (cause !== undefined) return this.#close(cause)
    this.#tcpEnd = 'gone'
    this.#read()
  }

  #goOn(): void {
    if (this.#isPaused || this.#isChoked) return
    this.#tcp.resume()
    this.#read()
  }

  get #mayDeliver(): boolean {
    return this.#sink !== undefined && !this.#isPaused && !this.#isChoked && !this.#isClosed
  }

  /** Decrypts and delivers until there is no more, or the receiver pauses, or everything ends. */
  #read(): void {
    if (this.#isReading || this.#isClosed) return
    this.#isReading = true
    try {
      while (this.#mayDeliver && !this.#hasPeerEnded && this.#deliver()) {}
    } finally {
      this.#isReading = false
    }
    if (this.#isClosed) return
    if (this.#engine.hasUnsent) this.#retryWrite()
    if (!this.#flush() && this.#tcpEnd !== 'gone') this.#isChoked = true
    if (this.#isChoked || this.#sink === undefined) this.#tcp.pause()
    else if (!this.#isPaused) this.#finish()
  }

  /** @returns whether there may be more */
  #deliver(): boolean {
    const buffer = acquireBuffer()
    const got = this.#engine.read(buffer)
    if (typeof got === 'string' || this.#isTaken(got)) releaseBuffer(buffer)
    if (typeof got !== 'string') return true
    if (got === 'later') return false
    if (got === 'failed') {
      this.#flush()
      this.#fail()
    } else {
      this.#hasPeerEnded = true
      this.#sink?.onEnd()
    }
    return true
  }

  /** Hands bytes to the receiver. @returns whether no receiver keeps them: their memory may be used again */
  #isTaken(bytes: Buffer): boolean {
    this.#barren.clear()
    const sink = this.#sink
    if (sink?.keepsData === undefined) {
      sink?.onData(Buffer.from(bytes))
      return true
    }
    sink.onData(bytes)
    return !sink.keepsData()
  }

  /** Everything received has been delivered: acts on the end of the TCP connection or of TLS. */
  #finish(): void {
    if (this.#hasPeerEnded) {
      if (this.#tcpEnd === 'gone') this.#close(undefined)
      else if (this.#hasEnded) this.#closeGently()
    } else if (this.#tcpEnd !== undefined) {
      this.#cut(`the ${this.#side} ended the connection without a TLS close_notify`)
    }
  }

  #closeGently(): void {
    this.#close(undefined)
    endGently(this.#tcp, LINGER)
  }

  #retryWrite(): void {
    const result = this.#engine.retryWrite()
    if (result === 'failed') return this.#fail()
    if (result === 'later') return
    if (this.#hasEnded) this.#sendEnd()
    else this.#sink?.onDrain()
  }

  #sendEnd(): void {
    this.#engine.shutdown()
    this.#flush()
    this.#tcp.end()
  }

  #flush(): boolean {
    const bytes = this.#engine.take()
    return bytes === undefined ? true : this.#tcp.write(bytes)
  }

  #fail(): void {
    this.#cut(`TLS failed after the handshake: ${this.#engine.error?.reason ?? 'the connection broke'}`)
  }

  #cut(why: string): void {
    this.destroy(new ProxyError(LOST[this.#side], why))
  }

  #close(cause: ProxyError | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cause = cause
    this.#engine.free()
    this.#onClosed()
    this.#sink?.onClose(cause)
  }
}
