/** What waits for one host, the most urgent last. */
type Lane<T> = [T[], T[], T[]]
type Hosts<T> = Map<string, Lane<T>>

/**
 * The order of work: client networks are served in rotation, and so are the hosts of a network. Of one host the most
 * urgent work is next, and of that the oldest. Work that is no longer wanted is skipped.
 */
export class FairRow<T> {
  /** The network that is served next is the first; so is the host of a network. */
  readonly #networks = new Map<string, Hosts<T>>()
  readonly #isWanted: (piece: T) => boolean

  constructor(isWanted: (piece: T) => boolean) {
    this.#isWanted = isWanted
  }

  add(network: string, host: string, urgency: 0 | 1 | 2, piece: T): void {
    const hosts = this.#networks.get(network)
    const lane = hosts?.get(host)
    if (lane !== undefined) return void lane[urgency].push(piece)
    const fresh: Lane<T> = [[], [], []]
    fresh[urgency].push(piece)
    if (hosts === undefined) this.#networks.set(network, new Map([[host, fresh]]))
    else hosts.set(host, fresh)
  }

  /** Takes out the next one that is still wanted. */
  next(): T | undefined {
    for (const [network, hosts] of this.#networks) {
      this.#networks.delete(network)
      const piece = this.#nextOf(hosts)
      if (hosts.size > 0) this.#networks.set(network, hosts)
      if (piece !== undefined) return piece
    }
    return undefined
  }

  #nextOf(hosts: Hosts<T>): T | undefined {
    for (const [host, lane] of hosts) {
      hosts.delete(host)
      const piece = this.#takeFrom(lane)
      if (lane[0].length + lane[1].length + lane[2].length > 0) hosts.set(host, lane)
      if (piece !== undefined) return piece
    }
    return undefined
  }

  #takeFrom(lane: Lane<T>): T | undefined {
    for (const pieces of [lane[2], lane[1], lane[0]])
      for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift())
        if (this.#isWanted(piece)) return piece
    return undefined
  }
}
