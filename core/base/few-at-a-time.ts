import type { ProxyError } from './errors.js'
import { NetworkCounts } from './network-rings.js'
import { after } from './timer.js'

export interface SlotLimits {
  /** Pieces that are worked on at the same time. */
  readonly atATime: number
  /** Milliseconds for which a piece waits for its slot. */
  readonly wait: number
  /** Pieces that wait, of all client networks together. */
  readonly waiting: number
}

/**
 * Work that takes a while and the processor: few pieces at a time, and client networks are served in rotation, so that a
 * network that wants much waits behind one that wants little. Between two pieces everything else has the event loop. When too many
 * wait, the youngest piece of the network that has most of them makes room for one of a network that has fewer.
 *
 * Life of a piece: begun at once if there is room, else waiting, then begun, or refused because it got no slot in
 * time or there was no room; what it throws is its caller's.
 */
export class FewAtATime {
  /** Networks whose pieces wait, in the order in which they are served. */
  readonly #lanes = new Map<string, Waiter[]>()
  readonly #counts = new NetworkCounts()
  readonly #limits: SlotLimits
  readonly #refusal: () => ProxyError
  #waiting = 0
  #running = 0

  /** @param refusal what is thrown where a piece gets no slot */
  constructor(limits: SlotLimits, refusal: () => ProxyError) {
    this.#limits = limits
    this.#refusal = refusal
  }

  /**
   * @param network of the client, as {@link import('./network.js').networkOf} has it
   * @throws {ProxyError} it got no slot in time, or there was no room to wait
   */
  async run<T>(network: string, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limits.atATime) this.#running += 1
    else await this.#slot(network) // the place is handed on
    try {
      return await work()
    } finally {
      setImmediate(() => this.#next())
    }
  }

  #slot(network: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiting >= this.#limits.waiting && !this.#makeRoom(network)) return reject(this.#refusal())
      const refuse = (): void => {
        clearTimeout(timer)
        this.#leave(network, waiter)
        reject(this.#refusal())
      }
      const timer = after(this.#limits.wait, refuse, reject)
      const begin = (): void => {
        clearTimeout(timer)
        resolve()
      }
      const waiter = { begin, refuse }
      this.#waiting += 1
      this.#counts.add(network)
      const lane = this.#lanes.get(network)
      if (lane === undefined) this.#lanes.set(network, [waiter])
      else lane.push(waiter)
    })
  }

  /** Not among equals: there the one that came first stays. */
  #makeRoom(network: string): boolean {
    const { heaviest } = this.#counts
    if (heaviest === undefined || this.#counts.of(heaviest) <= this.#counts.of(network) + 1) return false
    this.#lanes.get(heaviest)?.at(-1)?.refuse()
    return true
  }

  #leave(network: string, waiter: Waiter): void {
    const lane = this.#lanes.get(network) ?? []
    lane.splice(lane.lastIndexOf(waiter), 1)
    if (lane.length === 0) this.#lanes.delete(network)
    this.#left(network)
  }

  #left(network: string): void {
    this.#waiting -= 1
    this.#counts.remove(network)
  }

  /** The first piece of the first network, which then goes to the end of the row. */
  #next(): void {
    for (const [network, lane] of this.#lanes) {
      const first = lane.shift()
      this.#lanes.delete(network)
      if (lane.length > 0) this.#lanes.set(network, lane)
      this.#left(network)
      return first?.begin()
    }
    this.#running -= 1
  }
}

interface Waiter {
  readonly begin: () => void
  readonly refuse: () => void
}
