/** How long nothing is asked after too many failures, milliseconds. */
const REST = 10_000

/**
 * Stops asking a service that fails. Life: closed -> open, after several failures in a row -> half open after a rest: one
 * question is let through, and decides -> closed or open.
 */
export class Circuit {
  readonly #most: number
  readonly #now: () => number
  #failures = 0
  #opensAgain = 0
  #isProbing = false

  /** @param most failures in a row; 0: it never opens */
  constructor(most: number, now: () => number = () => performance.now()) {
    this.#most = most
    this.#now = now
  }

  /** Whether a question may be asked. One that is must end with `succeeded`, `failed` or `abandoned`. */
  enter(): boolean {
    if (this.#most === 0 || this.#failures < this.#most) return true
    if (this.#isProbing || this.#now() < this.#opensAgain) return false
    this.#isProbing = true
    return true
  }

  succeeded(): void {
    this.#failures = 0
    this.#isProbing = false
  }

  /** @returns whether this failure has opened it */
  failed(): boolean {
    this.#failures++
    this.#isProbing = false
    if (this.#most === 0 || this.#failures < this.#most) return false
    this.#opensAgain = this.#now() + REST
    return this.#failures === this.#most
  }

  /** Nothing waits for the answer any more: it says nothing about the service. */
  abandoned(): void {
    this.#isProbing = false
  }
}
