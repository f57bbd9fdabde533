import type { ProxyError } from './errors.js'

/**
 * Work that takes a while and the processor: one piece at a time, and keys take turns, so that who wants much waits
 * behind who wants little. Between two pieces everybody else has the event loop.
 *
 * Life of a piece: begun at once if nothing is under way, else waiting, then begun, or given up when its turn has not come
 * in time; what it throws is its caller's.
 */
export class OneAtATime {
  /** Keys that wait, in the order of their turns. */
  readonly #waiting = new Map<string, (() => void)[]>()
  readonly #limit: number
  readonly #late: () => ProxyError
  #isBusy = false

  /**
   * @param limit milliseconds for which a piece waits for its turn
   * @param late what its caller hears then
   */
  constructor(limit: number, late: () => ProxyError) {
    this.#limit = limit
    this.#late = late
  }

  /** @throws {ProxyError} its turn did not come in time */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) await this.#turn(key)
    this.#isBusy = true
    try {
      return await work()
    } finally {
      setImmediate(() => this.#next())
    }
  }

  #turn(key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#leave(key, begin)
        reject(this.#late())
      }, this.#limit)
      const begin = (): void => {
        clearTimeout(timer)
        resolve()
      }
      const lane = this.#waiting.get(key)
      if (lane === undefined) this.#waiting.set(key, [begin])
      else lane.push(begin)
    })
  }

  #leave(key: string, begin: () => void): void {
    const lane = this.#waiting.get(key) ?? []
    lane.splice(lane.indexOf(begin), 1)
    if (lane.length === 0) this.#waiting.delete(key)
  }

  /** The first piece of the first key, which then goes to the end of the row. */
  #next(): void {
    for (const [key, lane] of this.#waiting) {
      const begin = lane.shift()
      this.#waiting.delete(key)
      if (lane.length > 0) this.#waiting.set(key, lane)
      return begin?.()
    }
    this.#isBusy = false
  }
}
