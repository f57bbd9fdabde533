import type { Current } from '../../base/current.js'
import { atEdge } from '../../base/edge.js'
import type { ClientInfo } from '../listener/client-info.js'
import type { ForwarderSettings } from './forwarder-options.js'

type Limits = Pick<ForwarderSettings, 'idleTimeout' | 'activeTimeout'>

/** Whose time it is. */
export interface TimedOwner {
  /** Nothing has moved for so many milliseconds, though somebody was expected to. */
  onIdle(limit: number): void
  /** All of it has taken longer than so many milliseconds. */
  onTooLong(limit: number): void
  /** Ends it, whatever it is doing. */
  fail(cause: unknown): void
}

/**
 * The two limits of a transaction, on clocks of its client's connection: timers that the transactions of a connection use
 * one after another cost nothing for each.
 *
 * Life: running, idle time now and then not -> over. Then the clocks are the next transaction's.
 */
export class TransactionTime {
  readonly #client: ClientInfo
  readonly #current: Current<Limits>
  readonly #owner: TimedOwner
  /** 0 while nobody is expected to move. */
  #idleLimit = 0
  /** Known from `begin` on. */
  #activeLimit = 0
  #isOver = false

  constructor(client: ClientInfo, current: Current<Limits>, owner: TimedOwner) {
    this.#client = client
    this.#current = current
    this.#owner = owner
  }

  /** From here on it takes time. Not before it can be ended. */
  begin(): void {
    this.#activeLimit = this.#current().activeTimeout ?? 0
    if (this.#activeLimit > 0) this.#client.active.set(this.#activeLimit, this.#onTooLong)
  }

  /** Somebody is expected to move from here on. */
  start(): void {
    if (this.#isOver) return
    this.#idleLimit = this.#current().idleTimeout
    this.#client.idle.set(this.#idleLimit, this.#onIdle)
  }

  readonly moved = (): void => {
    if (this.#idleLimit > 0) this.#client.idle.set(this.#idleLimit)
  }

  /** Nobody is. */
  stop(): void {
    if (this.#isOver) return
    this.#idleLimit = 0
    this.#client.idle.set(0)
  }

  /** The client's next request may be under way already: it follows from within the end of the answer. */
  over(): void {
    this.#isOver = true
    this.#idleLimit = 0
    this.#client.idle.clear(this.#onIdle)
    this.#client.active.clear(this.#onTooLong)
  }

  readonly #onIdle = (): void => this.#atEdge(() => this.#owner.onIdle(this.#idleLimit))

  readonly #onTooLong = (): void => this.#atEdge(() => this.#owner.onTooLong(this.#activeLimit))

  #atEdge(onTime: () => void): void {
    atEdge('a time limit', onTime, why => this.#owner.fail(why))
  }
}
