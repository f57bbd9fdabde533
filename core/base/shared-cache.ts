import { NetworkRings, Place } from './network-rings.js'

class Entry<K, V> extends Place {
  readonly key: K
  readonly value: V
  /** By the clock of `performance.now()`. */
  readonly endsAt: number
  /** The client network that the entry counts for. */
  network: string

  constructor(key: K, value: V, network: string, endsAt: number) {
    super()
    this.key = key
    this.value = value
    this.network = network
    this.endsAt = endsAt
  }
}

export interface SharedCacheOptions<V> {
  /** Entries that are kept. */
  readonly max: number
  /** Called once for each entry that is pushed out, replaced, deleted or found expired. */
  readonly dispose?: (value: V) => void
}

/**
 * A cache that clients share: an entry is on the account of the client network that put it there. When it is full, the
 * network that has most entries loses the one that it has not used for longest. So a client that asks for many names
 * pushes out its own, and those of no other. An entry that a network with fewer entries uses goes over to its account.
 */
export class SharedCache<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>()
  /** The entries of each network, the one that was used longest ago first. */
  readonly #byNetwork = new NetworkRings<Entry<K, V>>()
  readonly #options: SharedCacheOptions<V>

  constructor(options: SharedCacheOptions<V>) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  /** @param network of the client that wants it, as {@link import('./network.js').networkOf} has it */
  get(key: K, network: string): V | undefined {
    const entry = this.#live(key)
    if (entry === undefined) return undefined
    const goesOver =
      entry.network !== network && this.#byNetwork.of(network) < this.#byNetwork.of(entry.network) - 1
    this.#byNetwork.remove(entry.network, entry)
    if (goesOver) entry.network = network
    this.#byNetwork.add(entry.network, entry)
    return entry.value
  }

  /** Looks without using it. */
  peek(key: K): V | undefined {
    return this.#live(key)?.value
  }

  /** @param ttl milliseconds; without it there is no end */
  set(key: K, value: V, network: string, ttl = Number.POSITIVE_INFINITY): void {
    this.delete(key)
    if (this.#entries.size >= this.#options.max) this.#makeRoom()
    const entry = new Entry(key, value, network, performance.now() + ttl)
    this.#entries.set(key, entry)
    this.#byNetwork.add(network, entry)
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    this.#entries.delete(key)
    this.#byNetwork.remove(entry.network, entry)
    this.#options.dispose?.(entry.value)
    return true
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.delete(key)
  }

  /** Milliseconds until it is forgotten; 0 when it is not there. */
  timeLeft(key: K): number {
    const endsAt = this.#entries.get(key)?.endsAt ?? 0
    return Math.max(endsAt - performance.now(), 0)
  }

  /** What has not expired. */
  *entries(): Generator<readonly [K, V]> {
    const now = performance.now()
    for (const [key, { value, endsAt }] of this.#entries) if (endsAt > now) yield [key, value]
  }

  #live(key: K): Entry<K, V> | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.endsAt > performance.now()) return entry
    this.delete(key)
    return undefined
  }

  #makeRoom(): void {
    const oldest = this.#byNetwork.heaviest?.ring.oldest
    if (oldest !== undefined) this.delete(oldest.key)
  }
}
