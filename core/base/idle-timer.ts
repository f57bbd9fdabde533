/**
 * Tells when nothing has moved for a while. Made for paths where something moves all the time: a move costs a look at
 * the clock, and the one timer is set anew only when it fires. It fires between one and two periods after the last move.
 */
export class IdleTimer {
  readonly #period: number
  readonly #onIdle: () => void
  #timer: NodeJS.Timeout | undefined
  #movedAt = 0

  /** @param period milliseconds */
  constructor(period: number, onIdle: () => void) {
    this.#period = period
    this.#onIdle = onIdle
  }

  start(): void {
    this.moved()
    this.#timer ??= setTimeout(() => this.#onTimer(), this.#period)
  }

  moved(): void {
    this.#movedAt = performance.now()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #onTimer(): void {
    if (performance.now() - this.#movedAt < this.#period) {
      this.#timer?.refresh()
      return
    }
    this.#timer = undefined
    this.#onIdle()
  }
}
