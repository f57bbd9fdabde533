import type { Parked } from '../api/parked.js'
import type { VConn } from '../api/vconn.js'
import { accessor } from '../base/accessor.js'
import type { Turn } from './turn.js'

/**
 * What every event of a hook that parks has. All that it declares are own, enumerable properties, so that a copy of the
 * event has them. The signal is made when it is read, because most plugins answer at once; its accessor is the same
 * function for all events, which keeps one shape for them.
 */
export class TurnEvent implements Parked {
  readonly vconn: VConn
  declare readonly deadline: number
  readonly reenable: Parked['reenable']
  readonly schedule: Parked['schedule']
  declare readonly signal: AbortSignal
  readonly #turn: Turn

  /** An operator may move it. */
  static readonly #deadline = accessor((event: TurnEvent) => event.#turn.deadline)
  static readonly #signal = accessor((event: TurnEvent) => event.#turn.signal)

  constructor(turn: Turn) {
    this.#turn = turn
    this.vconn = turn.vconn
    this.reenable = turn.reenable
    this.schedule = turn.schedule
    Object.defineProperty(this, 'deadline', TurnEvent.#deadline)
    Object.defineProperty(this, 'signal', TurnEvent.#signal)
  }
}

/** The event of a hook: what it is about, and what every event has. Frozen. */
export function eventOf<F extends object>(turn: Turn, facts: F): Parked & F {
  return Object.freeze(Object.assign(new TurnEvent(turn), facts))
}
