import { after, LONGEST_TIMER, type OnFault } from './timer.js'

const NOTHING = (): void => {}

export interface DeadlineEnds {
  readonly onFault: OnFault
  /** Called when the time is over; default: what `set` names. */
  readonly onTime?: () => void
}

/**
 * The one timer of a connection, a tunnel or a handshake. Paths on which bytes move all the time set it anew with every
 * move, so `set` only notes the moment (`timeout.refresh()` costs more); a timer that fires too early is set for what is left.
 * It measures with the monotonic clock: a change of the system time moves nothing. `onFault` gets what `onTime` throws, and
 * ends that connection, tunnel or handshake.
 */
export class Deadline {
  readonly #onFault: OnFault
  #onTime: () => void
  #timer: NodeJS.Timeout | undefined
  /** When the timer fires, in milliseconds of `performance.now()`. */
  #firesAt = 0
  /** When the time is over, on the same clock. */
  #endsAt = Infinity
  /** The last value of `endsAt`, in milliseconds since the epoch. */
  #toldEnd = 0

  constructor({ onFault, onTime = NOTHING }: DeadlineEnds) {
    this.#onFault = onFault
    this.#onTime = onTime
  }

  /** @param ms from now; 0 and Infinity for no deadline @param onTime called when it is over, from now on */
  set(ms: number, onTime = this.#onTime): void {
    this.#onTime = onTime
    this.#toldEnd = 0
    if (ms === 0 || ms === Infinity) {
      this.#endsAt = Infinity
      return
    }
    this.#endsAt = performance.now() + ms
    if (this.#timer === undefined || this.#endsAt < this.#firesAt) this.#arm(ms)
  }

  /** Milliseconds until it is over; Infinity without a deadline. */
  get left(): number {
    return Math.max(this.#endsAt - performance.now(), 0)
  }

  /**
   * The moment when it is over, in milliseconds since the epoch, as plugins see it. The same answer for all of
   * them (the two clocks are read one after the other), unless the system time was changed by more than a second.
   */
  get endsAt(): number {
    const end = Math.round(Date.now() + this.left)
    if (Math.abs(end - this.#toldEnd) > 1000) this.#toldEnd = end
    return this.#toldEnd
  }

  /** Cancels the deadline only if it still belongs to `onTime`. */
  clear(onTime: () => void): void {
    if (this.#onTime !== onTime) return
    this.#endsAt = Infinity
    this.#onTime = NOTHING
  }

  /** Cancels the deadline and its timer. The next `set` makes a new timer. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#endsAt = Infinity
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer)
    const wait = Math.min(Math.ceil(ms), LONGEST_TIMER)
    this.#firesAt = performance.now() + wait
    this.#timer = after(wait, () => this.#fire(), this.#onFault)
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
