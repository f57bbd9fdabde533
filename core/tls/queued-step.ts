import type { ProxyError } from '../base/errors.js'
import { type FairQueue, LONGEST_WAIT, overloaded, type Share, type Urgency } from '../base/fair-queue.js'

/**
 * The next step of a handshake, which waits for its turn in the queue; only once, however often it is wanted. All waits of
 * one handshake together have a limit, so that a peer whose bytes come one by one does not wait for ever.
 */
export class QueuedStep {
  readonly #queue: FairQueue
  readonly #step: () => void
  readonly #onLate: (why: ProxyError) => void
  #since: number | undefined
  /** Milliseconds of all waits before this one. */
  #waited = 0

  /** @param onLate hears that there was no turn in time: no step follows */
  constructor(queue: FairQueue, step: () => void, onLate: (why: ProxyError) => void) {
    this.#queue = queue
    this.#step = step
    this.#onLate = onLate
  }

  get isWaiting(): boolean {
    return this.#since !== undefined
  }

  /** @param share whose turn it takes */
  wait(share: Share, urgency: Urgency): void {
    if (this.#since !== undefined) return
    const since = performance.now()
    this.#since = since
    const onTurn = (): void => {
      if (this.#since === since) this.takeNow()
    }
    const onLate = (why: ProxyError): void => {
      if (this.#since !== since) return
      this.#since = undefined
      this.#onLate(why)
    }
    this.#queue.run(share, urgency, onTurn, onLate)
  }

  /** Does not wait any longer, if it waits. */
  takeNow(): void {
    if (this.#since === undefined) return
    this.#waited += performance.now() - this.#since
    this.#since = undefined
    if (this.#waited > LONGEST_WAIT) this.#onLate(overloaded(LONGEST_WAIT))
    else this.#step()
  }
}
