import { ProxyError } from '../base/errors.js'
import type { Link, LinkSink } from '../vconn/link.js'
import type { ClientEngine } from './openssl/client-engine.js'

/**
 * Plaintext over an established engine, for both directions: a Link above, the sink of the TCP link below.
 *
 * Life: open -> closed. While nobody is attached, or the receiver has paused, ciphertext waits in the engine and the
 * TCP link is paused. The engine is freed in `#close`, and nowhere else.
 */
export class TlsLink implements Link, LinkSink {
  readonly copiesData = true
  readonly #tcp: Link
  readonly #engine: ClientEngine
  readonly #onClosed: () => void
  #sink: LinkSink | undefined
  #isPaused = false
  #isClosed = false
  #hasOriginEnded = false
  #hasEnded = false
  #isReading = false

  /** @param onClosed called exactly once, when the link is closed */
  constructor(tcp: Link, engine: ClientEngine, onClosed: () => void) {
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

  attach(sink: LinkSink): void {
    this.#sink = sink
    this.#isPaused = false
    this.#tcp.resume()
    this.#read()
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isClosed || this.#hasEnded) return true
    if (!this.#engine.write(bytes)) {
      this.#fail()
      return false
    }
    return this.#flush()
  }

  pause(): void {
    this.#isPaused = true
    this.#tcp.pause()
  }

  resume(): void {
    if (!this.#isPaused || this.#isClosed) return
    this.#isPaused = false
    this.#tcp.resume()
    this.#read()
  }

  end(): void {
    if (this.#isClosed || this.#hasEnded) return
    this.#hasEnded = true
    this.#engine.shutdown()
    this.#flush()
    this.#tcp.end()
  }

  destroy(cause?: ProxyError): void {
    if (this.#isClosed) return
    this.#tcp.destroy(cause)
    this.#close(cause)
  }

  onData(bytes: Buffer): void {
    if (this.#isClosed) return
    this.#engine.receive(bytes)
    this.#read()
  }

  onDrain(): void {
    this.#sink?.onDrain()
  }

  /** The origin's FIN. Without a close_notify before it, what was received may have been cut short. */
  onEnd(): void {
    if (this.#isClosed || this.#hasOriginEnded) return
    this.destroy(
      new ProxyError('PTC_ORIGIN_CLOSED', 'the origin ended the connection without a TLS close_notify'),
    )
  }

  onClose(cause: ProxyError | undefined): void {
    this.#close(cause)
  }

  /** Decrypts and delivers until there is no more, or the receiver pauses, or everything ends. */
  #read(): void {
    if (this.#isReading) return
    this.#isReading = true
    while (this.#sink !== undefined && !this.#isPaused && !this.#isClosed && !this.#hasOriginEnded) {
      const got = this.#engine.read()
      if (got === 'later') break
      if (got === 'failed') {
        this.#flush()
        this.#fail()
      } else if (got === 'end') {
        this.#hasOriginEnded = true
        this.#sink.onEnd()
      } else {
        this.#sink.onData(got)
      }
    }
    this.#isReading = false
    if (!this.#isClosed) this.#flush()
    if (this.#sink === undefined && !this.#isClosed) this.#tcp.pause()
  }

  #flush(): boolean {
    const bytes = this.#engine.take()
    return bytes === undefined ? true : this.#tcp.write(bytes)
  }

  #fail(): void {
    const reason = this.#engine.error?.reason ?? 'the connection broke'
    this.destroy(new ProxyError('PTC_ORIGIN_CLOSED', `TLS failed after the handshake: ${reason}`))
  }

  #close(cause: ProxyError | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#engine.free()
    this.#onClosed()
    this.#sink?.onClose(cause)
  }
}
