/** One deadline at a time: starting it anew ends the one before. */
export class Clock {
  readonly #onTime: () => void
  readonly #isHeld: () => boolean
  #timer: NodeJS.Timeout | undefined
  /** Milliseconds since the epoch. */
  endsAt = 0

  /** @param isHeld asked when time is up: true gives the whole time once more */
  constructor(onTime: () => void, isHeld: () => boolean) {
    this.#onTime = onTime
    this.#isHeld = isHeld
  }

  start(ms: number): void {
    this.stop()
    this.endsAt = Date.now() + ms
    this.#timer = setTimeout(() => (this.#isHeld() ? this.start(ms) : this.#onTime()), ms)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
