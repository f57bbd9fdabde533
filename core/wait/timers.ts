import { contain } from '../base/edge.js'
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import { LONGEST_TIMER, NODE_TIME, type Time, type Wait } from '../base/timer.js'

type Scheduled = () => unknown

/**
 * Timers that end with their owner: a parked handshake, a loaded plugin.
 *
 * Life: open -> cleared, for good. Once cleared, waiting timers never fire and new ones are not started, so that an
 * owner that is gone is not called. What a scheduled function throws, now or later, goes to `onError`.
 */
export class Timers {
  readonly #waiting = new Set<Wait>()
  readonly #onError: (cause: unknown) => void
  readonly #signal: AbortSignal | undefined
  readonly #time: Time
  #isCleared = false

  /** @param signal clears the timers when it aborts */
  constructor(onError: (cause: unknown) => void, signal?: AbortSignal, time: Time = NODE_TIME) {
    this.#time = time
    this.#onError = onError
    this.#signal = signal
    if (signal?.aborted === true) this.#isCleared = true
    else signal?.addEventListener('abort', this.clear, { once: true })
  }

  /** How many timers wait. */
  get size(): number {
    return this.#waiting.size
  }

  /**
   * Calls `fn` in `ms` milliseconds, unless the owner is gone by then. Infinity waits without end.
   * @throws {ProxyError} PTC_PLUGIN_CALL if `fn` is no function or `ms` no number: a wait that is misread as zero
   *   would answer at once
   */
  readonly after = (ms: number, fn: Scheduled): void => {
    if (typeof fn !== 'function') throw new ProxyError('PTC_PLUGIN_CALL', 'schedule takes a function')
    if (typeof ms !== 'number' || Number.isNaN(ms)) {
      throw new ProxyError('PTC_PLUGIN_CALL', `schedule takes milliseconds, not ${describe(ms)}`)
    }
    if (!this.#isCleared) this.#wait(ms, fn)
  }

  readonly clear = (): void => {
    this.#isCleared = true
    this.#signal?.removeEventListener('abort', this.clear)
    for (const wait of this.#waiting) this.#time.cancel(wait)
    this.#waiting.clear()
  }

  #wait(ms: number, fn: Scheduled): void {
    const step = Math.min(ms, LONGEST_TIMER)
    const onTime = (): void => {
      this.#waiting.delete(wait)
      if (ms > step) this.#wait(ms - step, fn)
      else void contain(fn, this.#onError)
    }
    const wait = this.#time.after(step, onTime, this.#onError)
    this.#waiting.add(wait)
  }
}
