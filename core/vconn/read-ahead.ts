import type { Link, LinkSink } from './link.js'

/** So much is kept; then the link is not read on. */
const MAX_BYTES = 65_536

/**
 * Sits on a link that nobody uses yet, so that its end is noticed: only who reads notices. What comes is kept for the
 * one who will attach.
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

  /** From here on an end is for whoever attaches to notice. */
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
