export interface ShareLimits {
  /** Shares in all. */
  readonly total: number
  /** Shares of one client. */
  readonly perClient: number
}

/**
 * Divides a fixed number of shares between clients.
 *
 * A client may take another share while it holds fewer than are free (the dynamic threshold of shared-memory switches):
 * one busy client gets half of them at most, two a third each, and so on. Some are therefore free for a client that holds
 * none. Clients that wait are served in rotation.
 */
export class Shares {
  readonly #limits: ShareLimits
  readonly #held = new Map<string, number>()
  /** Clients that wait, in the order in which they are served. */
  readonly #lanes = new Map<string, Set<() => boolean>>()
  #used = 0

  constructor(limits: ShareLimits) {
    this.#limits = limits
  }

  /** Shares that are taken. */
  get used(): number {
    return this.#used
  }

  /** How many wait for a share. */
  get waiting(): number {
    return [...this.#lanes.values()].reduce((sum, lane) => sum + lane.size, 0)
  }

  /**
   * Calls `begin` at once, or when the client may have a share.
   * @param begin returns whether it keeps the share, which {@link release} then gives back
   * @returns stops waiting; without effect once `begin` was called
   */
  enter(client: string, begin: () => boolean): () => void {
    if (this.#mayTake(client)) {
      this.#begin(client, begin)
      return () => {}
    }
    // A function of its own: the same `begin` may wait twice.
    const turn = (): boolean => begin()
    const lane = this.#lanes.get(client)
    if (lane === undefined) this.#lanes.set(client, new Set([turn]))
    else lane.add(turn)
    return () => this.#leave(client, turn)
  }

  /** Gives one share of this client back. */
  release(client: string): void {
    this.#count(client, -1)
    this.#next()
  }

  /** One share now counts against another client, whatever its limit says: it was taken already. */
  move(from: string, to: string): void {
    this.#count(from, -1)
    this.#count(to, 1)
    this.#next()
  }

  #mayTake(client: string): boolean {
    const { total, perClient } = this.#limits
    const held = this.#held.get(client) ?? 0
    return held < perClient && held < total - this.#used
  }

  /** @returns whether the share is kept */
  #begin(client: string, begin: () => boolean): boolean {
    this.#count(client, 1)
    const isKept = begin()
    if (!isKept) this.#count(client, -1)
    return isKept
  }

  #count(client: string, by: 1 | -1): void {
    const held = (this.#held.get(client) ?? 0) + by
    if (held === 0) this.#held.delete(client)
    else this.#held.set(client, held)
    this.#used += by
  }

  /** Serves those that wait, one of each client before the next one of the first, until none may take a share. */
  #next(): void {
    for (let found = this.#turn(); found !== undefined; found = this.#turn()) this.#begin(...found)
  }

  #turn(): [client: string, begin: () => boolean] | undefined {
    if (this.#used >= this.#limits.total) return undefined
    for (const [client, lane] of this.#lanes) {
      if (!this.#mayTake(client)) continue
      const [begin] = lane
      if (begin === undefined) continue
      lane.delete(begin)
      this.#lanes.delete(client)
      if (lane.size > 0) this.#lanes.set(client, lane)
      return [client, begin]
    }
    return undefined
  }

  #leave(client: string, turn: () => boolean): void {
    const lane = this.#lanes.get(client)
    if (lane === undefined) return
    lane.delete(turn)
    if (lane.size === 0) this.#lanes.delete(client)
  }
}
