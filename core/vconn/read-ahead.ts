import type { Link, LinkSink } from './link.js'

/** Bytes that are stored before reading pauses. */
const MAX_BYTES = 65_536

/**
 * Reads a link that has no user yet, because only reading shows its end. The bytes are stored for the sink that attaches
 * next.
 *
 * Life: reading -> (full, and paused) -> taken. `onGone` is called once at most.
 */
export class ReadAhead implements LinkSink {
  readonly copiesData = true
  readonly #link: Link
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #onGone: (() => void) | undefined
  #onFirst: (() => void) | undefined

  /** @param onFirst called once, when the first bytes come */
  constructor(link: Link, onGone: () => void, onFirst?: () => void) {
    this.#link = link
    this.#onGone = onGone
    this.#onFirst = onFirst
  }

  onData(bytes: Buffer): void {
    this.#chunks.push(Buffer.from(bytes))
    this.#bytes += bytes.length
    if (this.isFull) this.#link.pause()
    const onFirst = this.#onFirst
    this.#onFirst = undefined
    onFirst?.()
  }

  onDrain(): void {
    // Nothing is written.
  }

  onEnd(): void {
    const onGone = this.#onGone
    this.#onGone = undefined
    onGone?.()
  }

  onClose(): void {
    this.onEnd()
  }

  /** Stops calling `onGone` and `onFirst`: the next sink notices an end itself. */
  readonly ignore = (): void => {
    this.#onGone = undefined
    this.#onFirst = undefined
  }

  get isFull(): boolean {
    return this.#bytes > MAX_BYTES
  }

  /** In the order in which they came. */
  get chunks(): readonly Buffer[] {
    return this.#chunks
  }
}
