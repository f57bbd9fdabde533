import { type Parent, parentText } from './way.js'

export interface HealthLimits {
  /** Connections that fail, one after another, before a parent is taken for down. */
  readonly failThreshold: number
  /** Milliseconds until it is tried again. */
  readonly retryTime: number
}

interface Failing {
  count: number
  /** On the clock of `performance.now()`; 0 while it is not down. */
  downUntil: number
}

/** Which parents are down: those to which no connection can be made. What they answer about origins does not count. */
export class ParentHealth {
  readonly #tell: (message: string) => void
  readonly #failing = new Map<string, Failing>()

  constructor(tell: (message: string) => void) {
    this.#tell = tell
  }

  isDown({ key }: Parent): boolean {
    const failing = this.#failing.get(key)
    return failing !== undefined && failing.downUntil > performance.now()
  }

  /** Whether the last connection to it has failed. */
  isFailing({ key }: Parent): boolean {
    return this.#failing.has(key)
  }

  failed(parent: Parent, { failThreshold, retryTime }: HealthLimits): void {
    const failing = this.#failing.get(parent.key) ?? { count: 0, downUntil: 0 }
    this.#failing.set(parent.key, failing)
    failing.count += 1
    if (failing.count < failThreshold || this.isDown(parent)) return
    failing.downUntil = performance.now() + retryTime
    this.#tell(
      `the parent proxy ${parentText(parent)} is down: ${failing.count} connections failed; it is tried last for ${retryTime / 1000} s`,
    )
  }

  reached(parent: Parent): void {
    const failing = this.#failing.get(parent.key)
    if (failing === undefined) return
    this.#failing.delete(parent.key)
    if (failing.downUntil > 0) this.#tell(`the parent proxy ${parentText(parent)} is up again`)
  }
}
