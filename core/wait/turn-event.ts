import type { Asking } from '../api/asking.js'
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

/** Events by the proxies that stand for them. */
const STAND_INS = new WeakMap<object, object>()

/**
 * An event that names the client and the request for which an origin is asked. A plugin that has read it may have decided by it: its acceptance is then
 * for this client alone. Therefore the event keeps whether it was read.
 */
export class AskingEvent extends TurnEvent {
  declare readonly client: Asking['client'] | undefined
  declare readonly transaction: Asking['transaction'] | undefined
  readonly #asking: Asking | undefined
  #isRead = false

  static readonly #client = accessor((event: AskingEvent) => event.#read()?.client)
  static readonly #transaction = accessor((event: AskingEvent) => event.#read()?.transaction)

  constructor(turn: Turn, asking: Asking | undefined) {
    super(turn)
    this.#asking = asking
    Object.defineProperty(this, 'client', AskingEvent.#client)
    Object.defineProperty(this, 'transaction', AskingEvent.#transaction)
  }

  /** Whether a plugin has read the client or the request. */
  static isRead(event: object): boolean {
    return #isRead in event && event.#isRead
  }

  /** The client and the request; this does not count as read by the plugin. */
  static askingOf(event: object): Asking | undefined {
    const original = STAND_INS.get(event) ?? event
    return #asking in original ? original.#asking : undefined
  }

  /** A test kit hands out a proxy of the event, which has none of its private fields. */
  static standsFor(proxy: object, event: object): void {
    STAND_INS.set(proxy, event)
  }

  #read(): Asking | undefined {
    this.#isRead = this.#asking !== undefined
    return this.#asking
  }
}
