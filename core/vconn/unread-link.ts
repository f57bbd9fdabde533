import type { ProxyError } from '../base/errors.js'
import type { ClientLink, LinkSink } from './link.js'

/** A link with bytes put back: whoever attaches to it is given them first. */
export class UnreadLink implements ClientLink {
  readonly #link: ClientLink
  #bytes: Buffer | undefined
  #sink: LinkSink | undefined
  #isPaused = false

  constructor(link: ClientLink, bytes: Buffer) {
    this.#link = link
    this.#bytes = bytes
  }

  get localAddress(): string {
    return this.#link.localAddress
  }

  get remoteAddress(): string {
    return this.#link.remoteAddress
  }

  get isClosed(): boolean {
    return this.#link.isClosed
  }

  get isHolding(): boolean {
    return this.#link.isHolding
  }

  get bytesWritten(): number {
    return this.#link.bytesWritten
  }

  attach(sink: LinkSink): void {
    const bytes = this.#bytes
    this.#bytes = undefined
    this.#sink = sink
    if (bytes !== undefined && bytes.length > 0) sink.onData(bytes)
    if (this.#sink !== sink) return // it has made another one the receiver meanwhile
    this.#link.attach(sink)
    if (this.#isPaused) this.#link.pause() // some begin to read when somebody attaches
  }

  write(bytes: Uint8Array): boolean {
    return this.#link.write(bytes)
  }

  pause(): void {
    this.#isPaused = true
    this.#link.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#link.resume()
  }

  end(): void {
    this.#link.end()
  }

  reset(): void {
    this.#link.reset()
  }

  destroy(cause?: ProxyError): void {
    this.#link.destroy(cause)
  }
}
