/** A member of a ring; of one ring at most. */
export class Place {
  prev: Place = this
  next: Place = this
  #ring: { size: number } | undefined

  get isIn(): boolean {
    return this.#ring !== undefined
  }

  /** Becomes the newest of a ring. Only for a member of no ring. */
  enter(ring: Ring<Place>): void {
    this.#ring = ring
    ring.size += 1
    this.prev = ring.prev
    this.next = ring
    ring.prev.next = this
    ring.prev = this
  }

  /** Safe to call twice. */
  leave(): void {
    if (this.#ring !== undefined) this.#ring.size -= 1
    this.#ring = undefined
    this.prev.next = this.next
    this.next.prev = this.prev
    this.prev = this
    this.next = this
  }
}

/** Members in the order in which they entered. Every call is O(1). */
export class Ring<P extends Place> extends Place {
  size = 0

  get oldest(): P | undefined {
    return this.size === 0 ? undefined : (this.next as P)
  }

  get newest(): P | undefined {
    return this.size === 0 ? undefined : (this.prev as P)
  }
}

/** Counts the things of each client network, and finds a network with the most. Every call is O(1). */
export class NetworkCounts {
  readonly #counts = new Map<string, number>()
  /** The networks of each count. */
  readonly #byCount = new Map<number, Set<string>>()
  /** An empty set for the next count: one client network alone needs a new one with every call. */
  #spare: Set<string> | undefined
  #most = 0
  #total = 0

  /** The sum over all networks. */
  get total(): number {
    return this.#total
  }

  of(network: string): number {
    return this.#counts.get(network) ?? 0
  }

  /** A network with the most; undefined if there are no things. */
  get heaviest(): string | undefined {
    const [first] = this.#byCount.get(this.#most) ?? []
    return first
  }

  add(network: string): void {
    const count = this.of(network)
    this.#total += 1
    this.#move(network, count, count + 1)
    if (count === this.#most) this.#most += 1
  }

  remove(network: string): void {
    const count = this.of(network)
    if (count === 0) return
    this.#total -= 1
    this.#move(network, count, count - 1)
    // Without another network of that count, this one is still a network with the most.
    if (count === this.#most && !this.#byCount.has(count)) this.#most -= 1
  }

  #move(network: string, from: number, to: number): void {
    const left = this.#byCount.get(from)
    if (left?.delete(network) && left.size === 0) {
      this.#byCount.delete(from)
      this.#spare = left
    }
    if (to === 0) return void this.#counts.delete(network)
    this.#counts.set(network, to)
    const joined = this.#byCount.get(to)
    if (joined !== undefined) return void joined.add(network)
    this.#byCount.set(to, (this.#spare ?? new Set()).add(network))
    this.#spare = undefined
  }
}

/**
 * The things of each client network, in the order in which they were added. The network with the most can lose its oldest or
 * its newest.
 */
export class NetworkRings<P extends Place> {
  readonly #counts = new NetworkCounts()
  readonly #rings = new Map<string, Ring<P>>()

  /** The sum over all networks. */
  get total(): number {
    return this.#counts.total
  }

  of(network: string): number {
    return this.#counts.of(network)
  }

  /** Name and ring of a network with the most; undefined if there are no things. */
  get heaviest(): { readonly network: string; readonly ring: Ring<P> } | undefined {
    const network = this.#counts.heaviest
    const ring = network === undefined ? undefined : this.#rings.get(network)
    return network === undefined || ring === undefined ? undefined : { network, ring }
  }

  /** The rings that are not empty. */
  get rings(): Iterable<Ring<P>> {
    return this.#rings.values()
  }

  /** Only for a place that is in no ring. */
  add(network: string, place: P): void {
    let ring = this.#rings.get(network)
    if (ring === undefined) {
      ring = new Ring<P>()
      this.#rings.set(network, ring)
    }
    place.enter(ring)
    this.#counts.add(network)
  }

  /** Safe to call twice. @param network the one it was added for */
  remove(network: string, place: P): void {
    if (!place.isIn) return
    place.leave()
    this.#counts.remove(network)
    if (this.#counts.of(network) === 0) this.#rings.delete(network)
  }
}
