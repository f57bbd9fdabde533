import { Deadline } from '../base/deadline.js'
import type { ProxyError } from '../base/errors.js'
import { type FairQueue, LONGEST_WAIT, overloaded, type Share, type Urgency } from '../base/fair-queue.js'
import type { OnFault } from '../base/timer.js'

/**
 * The next step of a handshake. It waits for a slot of the queue, once, however often it is requested. All waits of one
 * handshake together have a limit: a peer that sends its bytes one by one cannot wait without end.
 */
export class QueuedStep {
  readonly #queue: FairQueue
  readonly #step: () => void
  readonly #onLate: (why: ProxyError) => void
  #since: number | undefined
  /** Milliseconds of all waits before this one. */
  #waited = 0

  /** @param onLate called when there was no slot in time: no step follows */
  constructor(queue: FairQueue, step: () => void, onLate: (why: ProxyError) => void) {
    this.#queue = queue
    this.#step = step
    this.#onLate = onLate
  }

  get isWaiting(): boolean {
    return this.#since !== undefined
  }

  /** @param share the share of the queue whose slot it takes */
  wait(share: Share, urgency: Urgency): void {
    if (this.#since !== undefined) return
    const since = performance.now()
    this.#since = since
    const onSlot = (): void => {
      if (this.#since === since) this.takeNow()
    }
    const onLate = (why: ProxyError): void => {
      if (this.#since !== since) return
      this.#since = undefined
      this.#onLate(why)
    }
    this.#queue.run(share, urgency, onSlot, onLate)
  }

  /** Ends the wait: the step is taken now. */
  takeNow(): void {
    if (this.#since === undefined) return
    this.#waited += performance.now() - this.#since
    this.#since = undefined
    if (this.#waited > LONGEST_WAIT) this.#onLate(overloaded(LONGEST_WAIT))
    else this.#step()
  }
}

/** The time of the peer. It does not run out while the next step waits for its slot. */
export class StepClock {
  readonly #deadline: Deadline
  #limit = 0

  constructor(step: Pick<QueuedStep, 'isWaiting'>, onFault: OnFault, onTime: () => void) {
    this.#deadline = new Deadline({
      onFault,
      onTime: () => (step.isWaiting ? this.#deadline.set(this.#limit) : onTime()),
    })
  }

  /** @param ms 0 is over at once */
  start(ms: number): void {
    this.#limit = Math.max(ms, 1)
    this.#deadline.set(this.#limit)
  }

  /** @param ms later than it was */
  extend(ms: number): void {
    if (Number.isFinite(this.#deadline.left)) this.#deadline.set(this.#deadline.left + ms)
  }

  /** As {@link Deadline.endsAt}. */
  get endsAt(): number {
    return this.#deadline.endsAt
  }

  stop(): void {
    this.#deadline.stop()
  }
}
