import { type Link, LinkOver, type LinkSink } from './link.js'

/** A connection to an origin, from its begin on: it may wait for plugins before it has a user. */
export interface OriginLink extends Link {
  /** Whether the origin has sent anything. */
  readonly hasReceived: boolean
  /**
   * Reads ahead until a sink attaches, which receives the stored bytes.
   * @param onGone called when the other end leaves before
   * @param onFirst called when it sends something before
   * @returns ends the calls: the next sink then notices an end itself
   */
  watch(onGone: () => void, onFirst?: () => void): () => void
  /** Calls `listener` once when the connection is closed; for code that attaches no sink. */
  whenClosed(listener: () => void): void
}

/** Bytes that are stored before reading pauses. */
const MAX_BYTES = 65_536

/**
 * An origin behind another proxy: the bytes of a link behind what was negotiated on it. It is the one sink of that link.
 *
 * Life: waiting (what comes is stored) -> in use -> closed.
 */
export class RelayedLink extends LinkOver<Link> implements OriginLink, LinkSink {
  readonly copiesData = true
  #sink: LinkSink | undefined
  #stored: Buffer[] = []
  #bytes = 0
  #hasEnded = false
  #closed: { readonly cause: Parameters<LinkSink['onClose']>[0] } | undefined
  #isPaused = false
  #onGone: (() => void) | undefined
  #onFirst: (() => void) | undefined
  readonly #onClosed: (() => void)[] = []
  hasReceived = false

  /** @param early what came behind the answer of the other proxy */
  constructor(under: Link, early: Buffer) {
    super(under)
    if (early.length > 0) this.#store(early)
    under.attach(this)
    under.resume()
  }

  override get isClosed(): boolean {
    return this.#closed !== undefined || this.under.isClosed
  }

  override attach(sink: LinkSink): void {
    this.#sink = sink
    this.#onGone = undefined
    this.#onFirst = undefined
    this.#isPaused = false
    for (let bytes = this.#stored.shift(); bytes !== undefined; bytes = this.#stored.shift()) {
      this.#bytes -= bytes.length
      sink.onData(bytes)
      if (this.#sink !== sink) return // another sink has attached meanwhile, and has the rest
    }
    const closed = this.#closed
    if (closed !== undefined) return queueMicrotask(() => sink.onClose(closed.cause))
    if (this.#hasEnded) queueMicrotask(() => this.#closed ?? sink.onEnd())
    if (!this.#isPaused) this.under.resume()
  }

  watch(onGone: () => void, onFirst?: () => void): () => void {
    this.#sink = undefined
    this.#onGone = onGone
    this.#onFirst = onFirst
    if (this.isClosed || this.#hasEnded) queueMicrotask(() => this.#gone())
    else if (this.#bytes > 0) queueMicrotask(() => this.#first())
    return () => {
      this.#onGone = undefined
      this.#onFirst = undefined
    }
  }

  whenClosed(listener: () => void): void {
    if (this.#closed !== undefined) queueMicrotask(listener)
    else this.#onClosed.push(listener)
  }

  override pause(): void {
    this.#isPaused = true
    this.under.pause()
  }

  override resume(): void {
    this.#isPaused = false
    this.under.resume()
  }

  onData(bytes: Buffer): void {
    const sink = this.#sink
    if (sink === undefined) return this.#store(Buffer.from(bytes))
    this.hasReceived = true
    sink.onData(sink.copiesData ? bytes : Buffer.from(bytes))
  }

  onDrain(): void {
    this.#sink?.onDrain()
  }

  onEnd(): void {
    this.#hasEnded = true
    if (this.#sink === undefined) this.#gone()
    else this.#sink.onEnd()
  }

  onClose(cause: Parameters<LinkSink['onClose']>[0]): void {
    this.#closed = { cause }
    if (this.#sink === undefined) this.#gone()
    else this.#sink.onClose(cause)
    for (const listener of this.#onClosed) listener()
  }

  #store(bytes: Buffer): void {
    this.hasReceived = true
    this.#stored.push(bytes)
    this.#bytes += bytes.length
    if (this.#bytes > MAX_BYTES) this.under.pause()
    this.#first()
  }

  #first(): void {
    const onFirst = this.#onFirst
    this.#onFirst = undefined
    onFirst?.()
  }

  #gone(): void {
    const onGone = this.#onGone
    this.#onGone = undefined
    onGone?.()
  }
}
