/**
 * Tells when nothing has moved for a while. Made for paths where something moves all the time: a move costs a look at
 * the clock, and a timer is set anew only when one fires, for what is left of the period then.
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
    if (this.#timer === undefined) this.#arm(this.#period)
  }

  moved(): void {
    this.#movedAt = performance.now()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => this.#onTimer(), ms)
  }

  #onTimer(): void {
    const left = this.#movedAt + this.#period - performance.now()
    if (left > 0) return this.#arm(Math.ceil(left))
    this.#timer = undefined
    this.#onIdle()
  }
}
