import type { ProxyError } from '../base/errors.js'
import type { Time, Wait } from '../base/timer.js'

type StepOf<State, Event, Effect> = (state: State, event: Event) => readonly [State, ...Effect[]]

/**
 * A handshake's machine with its clock, without an engine: what would be sent goes nowhere. It drives the hooks for
 * `replay` and for the test kit, with the steps of the real handshakes.
 */
export abstract class Engineless<State, Event, Effect> {
  readonly #time: Time
  readonly #step: StepOf<State, Event, Effect>
  #state: State
  #clock: Wait | undefined
  #ends = 0

  constructor(time: Time, initial: State, step: StepOf<State, Event, Effect>) {
    this.#time = time
    this.#state = initial
    this.#step = step
  }

  protected get state(): State {
    return this.#state
  }

  protected on(event: Event): void {
    const [next, ...effects] = this.#step(this.#state, event)
    this.#state = next
    for (const effect of effects) this.perform(effect)
  }

  protected abstract perform(effect: Effect): void

  /** A fault behind the clock ends it. */
  protected abstract fail(why: ProxyError): void

  /** @param end happens when it is over */
  protected startClock(ms: number, end: Event): void {
    this.#ends = this.#time.now() + ms
    this.#clock = this.#time.after(
      ms,
      () => this.on(end),
      why => this.fail(why),
    )
  }

  protected stopClock(): void {
    this.#time.cancel(this.#clock)
  }

  /** When the clock ends, in milliseconds since the epoch: plugins know the clock on the wall alone. */
  protected get deadline(): number {
    return Date.now() + this.#ends - this.#time.now()
  }
}
