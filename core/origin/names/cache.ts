import { LRUCache } from 'lru-cache'
import { lookedUp } from '../../base/lookups.js'
import { after } from '../../base/timer.js'
import type { Outcome } from './source.js'

export interface CacheLimits {
  /** Milliseconds for which addresses are used at most; 0 keeps none. */
  readonly found: number
  /** Milliseconds for which a failure is remembered; 0 remembers none. */
  readonly failed: number
  /** Memory for all answers, in bytes; 0 keeps none. */
  readonly maxBytes: number
}

/** How often answers that are out of date are removed, in milliseconds. */
const PURGE_INTERVAL = 30_000

/** What an entry and one of its addresses take in memory, measured roughly and rounded up. */
const ENTRY_BYTES = 300
const ADDRESS_BYTES = 60

/** Answers by name, for as long as they hold. The oldest go when the memory is used up. */
export class NameCache {
  readonly #limits: CacheLimits
  readonly #known: LRUCache<string, Outcome> | undefined
  #purge: NodeJS.Timeout | undefined

  constructor(limits: CacheLimits) {
    this.#limits = limits
    this.#known =
      limits.maxBytes === 0
        ? undefined
        : new LRUCache<string, Outcome>({ maxSize: limits.maxBytes, sizeCalculation: bytesOf })
  }

  get size(): number {
    return this.#known?.size ?? 0
  }

  /** The estimated memory of all entries. */
  get bytes(): number {
    return this.#known?.calculatedSize ?? 0
  }

  get(name: string): Outcome | undefined {
    return lookedUp('names', this.#known?.get(name))
  }

  set(name: string, outcome: Outcome): void {
    const { found, failed } = this.#limits
    const ttl = Math.floor('failed' in outcome ? failed : Math.min(outcome.ttl ?? found, found))
    if (ttl <= 0) {
      this.delete(name)
      return
    }
    this.#known?.set(name, outcome, { ttl })
    if (this.size > 0) this.#purge ??= this.#purgeLater()
  }

  delete(name: string): void {
    this.#known?.delete(name)
  }

  clear(): void {
    clearTimeout(this.#purge)
    this.#purge = undefined
    this.#known?.clear()
  }

  #purgeLater(): NodeJS.Timeout {
    return after(
      PURGE_INTERVAL,
      () => this.#onPurge(),
      () => this.clear(),
    ).unref()
  }

  #onPurge(): void {
    this.#purge = undefined
    this.#known?.purgeStale()
    if (this.size > 0) this.#purge = this.#purgeLater()
  }
}

function bytesOf(outcome: Outcome, name: string): number {
  const addresses = 'failed' in outcome ? 0 : outcome.addresses.length
  return ENTRY_BYTES + 2 * name.length + ADDRESS_BYTES * addresses
}
