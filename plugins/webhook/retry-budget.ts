/** What a retry costs, in questions: a service that is down gets a fifth more of them, not a multiple. */
const COST = 5
/** Retries that may be made before any question has paid for one. */
const MOST = 10

/** Bounds the retries of all questions together. */
export class RetryBudget {
  #left = MOST * COST

  /** A question was asked. */
  earn(): void {
    this.#left = Math.min(MOST * COST, this.#left + 1)
  }

  /** @returns whether a retry may be made */
  spend(): boolean {
    if (this.#left < COST) return false
    this.#left -= COST
    return true
  }
}
