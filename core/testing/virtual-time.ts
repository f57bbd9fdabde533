import { atEdge } from '../base/edge.js'
import type { OnFault, Time } from '../base/timer.js'

interface Due {
  readonly id: number
  readonly at: number
  readonly fn: () => void
  readonly onFault: OnFault
}

/**
 * Time that passes only by `advance`. Timers are called in the order of their time. Promises and new timers of one call are
 * processed before the next.
 */
export class VirtualTime implements Time {
  readonly #due = new Map<number, Due>()
  readonly #begin = Date.now()
  #lastId = 0
  #passed = 0

  /** Milliseconds since the epoch. It stands still between two calls of `advance`, however long the program really takes. */
  now(): number {
    return this.#begin + this.#passed
  }

  after(ms: number, fn: () => void, onFault: OnFault): number {
    const id = ++this.#lastId
    this.#due.set(id, { id, at: this.#passed + Math.max(0, ms), fn, onFault })
    return id
  }

  cancel(wait: NodeJS.Timeout | number | undefined): void {
    if (typeof wait === 'number') this.#due.delete(wait)
  }

  async advance(ms: number): Promise<void> {
    const until = this.#passed + ms
    await settle()
    for (let next = this.#first(until); next !== undefined; next = this.#first(until)) {
      this.#passed = next.at
      this.#due.delete(next.id)
      atEdge('a timer', next.fn, next.onFault)
      await settle()
    }
    this.#passed = until
  }

  #first(until: number): Due | undefined {
    let first: Due | undefined
    for (const due of this.#due.values())
      if (due.at <= until && (first === undefined || due.at < first.at)) first = due
    return first
  }
}

/** Waits one turn of the event loop, in which ready work is done. */
export function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
