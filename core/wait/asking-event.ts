import type { Asking } from '../api/asking.js'
import { accessor } from '../base/accessor.js'
import type { Turn } from './turn.js'
import { TurnEvent } from './turn-event.js'

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
