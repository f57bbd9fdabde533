import { type ClientLink, LinkOver, type LinkSink } from './link.js'

/** A link with bytes put back: the sink that attaches receives them first. */
export class RewindLink extends LinkOver<ClientLink> implements ClientLink {
  #bytes: Buffer | undefined
  #sink: LinkSink | undefined
  #isPaused = false
  #hasEnded: boolean

  /** @param hasEnded whether the other end's last byte is among them: the next reader gets `onEnd` behind them */
  constructor(link: ClientLink, bytes: Buffer, hasEnded = false) {
    super(link)
    this.#bytes = bytes
    this.#hasEnded = hasEnded
  }

  get isHolding(): boolean {
    return this.under.isHolding
  }

  get bytesWritten(): number {
    return this.under.bytesWritten
  }

  override attach(sink: LinkSink): void {
    const bytes = this.#bytes
    this.#bytes = undefined
    this.#sink = sink
    if (bytes !== undefined && bytes.length > 0) sink.onData(bytes)
    if (this.#sink !== sink) return // it has attached another sink meanwhile
    this.under.attach(sink)
    if (this.#hasEnded) queueMicrotask(() => this.#onEarlyEnd())
    this.#hasEnded = false
    if (this.#isPaused) this.under.pause() // some links begin to read when a sink attaches
  }

  #onEarlyEnd(): void {
    if (!this.isClosed) this.#sink?.onEnd()
  }

  override pause(): void {
    this.#isPaused = true
    this.under.pause()
  }

  override resume(): void {
    this.#isPaused = false
    this.under.resume()
  }

  reset(): void {
    this.under.reset()
  }
}
