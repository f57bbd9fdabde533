/** Beyond it Node's timers fire at once. */
const LONGEST = 2 ** 31 - 1

const NOBODY = (): void => {}

/**
 * A deadline of one connection, moved with every request: moving it later, or taking it away, costs no timer. One that fires
 * too early is set again for what is left.
 */
export class Deadline {
  #onTime: () => void
  #timer: NodeJS.Timeout | undefined
  /** On a clock that nobody sets, that of `performance.now()`; of the timer, and of what it is for. */
  #firesAt = 0
  #endsAt = Infinity

  constructor(onTime: () => void = NOBODY) {
    this.#onTime = onTime
  }

  /** @param ms from now; 0 and Infinity for no deadline @param onTime called when it is over, from now on */
  set(ms: number, onTime = this.#onTime): void {
    this.#onTime = onTime
    if (ms === 0 || ms === Infinity) {
      this.#endsAt = Infinity
      return
    }
    const now = performance.now()
    this.#endsAt = now + ms
    if (this.#timer === undefined || this.#endsAt < this.#firesAt) this.#arm(ms)
  }

  /** No deadline for `onTime`, and it hears of none; that of whoever has set the clock since is left alone. */
  clear(onTime: () => void): void {
    if (this.#onTime !== onTime) return
    this.#endsAt = Infinity
    this.#onTime = NOBODY
  }

  /** Takes the deadline away, and all that it would cost to set another one. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#endsAt = Infinity
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer)
    const wait = Math.min(Math.ceil(ms), LONGEST)
    this.#firesAt = performance.now() + wait
    this.#timer = setTimeout(() => this.#fire(), wait)
  }

  #fire(): void {
    this.#timer = undefined
    if (this.#endsAt === Infinity) return
    const left = this.#endsAt - performance.now()
    if (left > 0) return this.#arm(left)
    this.#endsAt = Infinity
    this.#onTime()
  }
}
