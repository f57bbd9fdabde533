import type { Current } from '../../base/current.js'
import { atEdge } from '../../base/edge.js'
import type { Clocks } from '../listener/client-info.js'

export interface TimeLimits {
  /** Milliseconds without a byte after which a transaction fails. A parked handshake has a deadline of its own. */
  readonly idleTimeout: number
  /** The same while the client is expected to send or to read; default `idleTimeout`. */
  readonly clientIdleTimeout?: number
  /** Milliseconds for a request and its response together; 0 or absent for no limit. */
  readonly activeTimeout?: number
}

/** A transaction with deadlines. */
export interface TimedOwner {
  /** Whether the client is expected to send or to read, and not the origin. */
  readonly waitsForClient: boolean
  /** No byte has moved for this many milliseconds, although one was expected. */
  onIdle(limit: number): void
  /** The transaction has taken longer than this many milliseconds. */
  onTooLong(limit: number): void
  fail(cause: unknown): void
}

/**
 * The two deadlines of a transaction. In HTTP/1.1 they are timers of the client's connection, which its transactions use
 * one after another: a transaction makes no timer.
 *
 * Life: running, with pauses of the idle time -> over. Then the timers belong to the next transaction.
 */
export class TransactionTime {
  readonly #clocks: Clocks
  readonly #current: Current<TimeLimits>
  readonly #owner: TimedOwner
  /** 0 while no byte is expected. */
  #idleLimit = 0
  /** Known from `begin` on. */
  #activeLimit = 0
  #isOver = false

  constructor(clocks: Clocks, current: Current<TimeLimits>, owner: TimedOwner) {
    this.#clocks = clocks
    this.#current = current
    this.#owner = owner
  }

  /** Starts the time for the whole transaction. Its owner must be ready to fail. */
  begin(): void {
    this.#activeLimit = this.#current().activeTimeout ?? 0
    if (this.#activeLimit > 0) this.#clocks.active.set(this.#activeLimit, this.#onTooLong)
  }

  /** Bytes are expected from now on. */
  start(): void {
    if (this.#isOver) return
    this.#setIdle()
  }

  readonly moved = (): void => {
    if (this.#idleLimit > 0) this.#setIdle()
  }

  #setIdle(): void {
    const { idleTimeout, clientIdleTimeout = idleTimeout } = this.#current()
    this.#idleLimit = this.#owner.waitsForClient ? clientIdleTimeout : idleTimeout
    this.#clocks.idle.set(this.#idleLimit, this.#onIdle)
  }

  /** No bytes are expected until `start`. */
  stop(): void {
    if (this.#isOver) return
    this.#idleLimit = 0
    this.#clocks.idle.set(0)
  }

  /** The client's next request may already be in flight: it begins within the end of the reply. */
  over(): void {
    this.#isOver = true
    this.#idleLimit = 0
    this.#clocks.idle.clear(this.#onIdle)
    this.#clocks.active.clear(this.#onTooLong)
  }

  readonly #fail = (why: unknown): void => this.#owner.fail(why)
  readonly #onIdle = (): void => atEdge('a time limit', () => this.#owner.onIdle(this.#idleLimit), this.#fail)
  readonly #onTooLong = (): void =>
    atEdge('a time limit', () => this.#owner.onTooLong(this.#activeLimit), this.#fail)
}
