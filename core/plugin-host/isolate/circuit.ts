import { ProxyError } from '../../base/errors.js'

/** The times and numbers of a circuit. */
export interface CircuitOptions {
  /** Failures in a row that open it. */
  readonly maxFailures: number
  /** Milliseconds until it is tried again; doubled each time that fails. */
  readonly retryAfter: number
  readonly now?: () => number
}

const LONGEST = 60_000

/**
 * Whether a plugin is asked at all on a hook.
 *
 *     closed --failures in a row--> open --time--> half-open --answered--> closed
 *                                    ^                 |
 *                                    +-----failed------+
 *
 * Half-open it admits one question at a time.
 */
export class Circuit {
  readonly #options: CircuitOptions
  readonly #now: () => number
  #failures = 0
  #wait: number
  /** When it may be tried again; undefined while closed. */
  #opensUntil: number | undefined
  #isProbing = false

  constructor(options: CircuitOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#wait = options.retryAfter
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#opensUntil === undefined) return 'closed'
    return this.#now() < this.#opensUntil ? 'open' : 'half-open'
  }

  /** Milliseconds until it is tried again. */
  get retryIn(): number {
    return Math.max(0, Math.ceil((this.#opensUntil ?? 0) - this.#now()))
  }

  /** Whether a question may be asked now. One admitted half-open ends with `answered`, `failed` or `abandoned`. */
  admits(): boolean {
    if (this.#opensUntil === undefined) return true
    if (this.state === 'open' || this.#isProbing) return false
    this.#isProbing = true
    return true
  }

  answered(): void {
    this.#failures = 0
    this.#wait = this.#options.retryAfter
    this.#opensUntil = undefined
    this.#isProbing = false
  }

  /** The answer is no longer wanted. */
  abandoned(): void {
    this.#isProbing = false
  }

  /** Returns true if this failure has opened it. */
  failed(): boolean {
    this.#failures++
    const wasProbing = this.#isProbing
    this.#isProbing = false
    if (this.#opensUntil !== undefined) {
      if (!wasProbing) return false
      this.#wait = Math.min(2 * this.#wait, LONGEST)
    } else if (this.#failures < this.#options.maxFailures) {
      return false
    }
    this.#opensUntil = this.#now() + this.#wait
    return true
  }
}

/**
 * The failure of one question.
 * @param stack of what it threw in its thread
 */
export function failure(why: string, stack?: string): ProxyError {
  const error = new ProxyError('PTC_PLUGIN_WORKER', why)
  if (stack !== undefined) error.stack = stack
  return error
}

export function outOfService({ retryIn }: Circuit): ProxyError {
  const when = retryIn > 0 ? `in ${retryIn} ms` : 'as soon as one question has been answered'
  return failure(`its workers were lost again and again; it is out of service, and asked again ${when}`)
}
