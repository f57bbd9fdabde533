/** What stands in a ring, in one at most. */
export class Place {
  prev: Place = this
  next: Place = this
  #ring: { size: number } | undefined

  get isIn(): boolean {
    return this.#ring !== undefined
  }

  /** Becomes the last of a ring. To be called when it is in none. */
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

/** Things in the order in which they came. To enter, to leave, and the first and the last cost the same for any number. */
export class Ring<P extends Place> extends Place {
  size = 0

  get oldest(): P | undefined {
    return this.size === 0 ? undefined : (this.next as P)
  }

  get newest(): P | undefined {
    return this.size === 0 ? undefined : (this.prev as P)
  }
}
