import type { FairQueue, Urgency } from '../base/fair-queue.js'

/** The next step of a handshake, which waits for its turn in the queue; only once, however often it is wanted. */
export class QueuedStep {
  readonly #queue: FairQueue
  readonly #step: () => void
  #isWaiting = false

  constructor(queue: FairQueue, step: () => void) {
    this.#queue = queue
    this.#step = step
  }

  /** @param key whose turn it takes */
  wait(key: string, urgency: Urgency): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#queue.run(key, urgency, () => this.takeNow())
  }

  /** Does not wait any longer, if it waits. */
  takeNow(): void {
    if (!this.#isWaiting) return
    this.#isWaiting = false
    this.#step()
  }
}
