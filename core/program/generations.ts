import { setTimeout as sleep } from 'node:timers/promises'
import type { Current } from '../base/current.js'
import { discard, type Generation } from './generation.js'

/** Milliseconds for the handshakes of clients that have left, which end within a few turns of the event loop. */
const END_LIMIT = 1000

/** The generation in force, and those that a reload has replaced: each is kept until nothing of it is in flight. */
export class Generations {
  #inForce: Generation
  readonly #retiring = new Set<Generation>()
  #count = 1

  constructor(first: Generation) {
    this.#inForce = first
  }

  readonly current: Current<Generation> = () => this.#inForce

  /** How many there have been. */
  get count(): number {
    return this.#count
  }

  /** The one in force first. */
  get all(): readonly [Generation, ...Generation[]] {
    return [this.#inForce, ...this.#retiring]
  }

  replace(next: Generation): void {
    const old = this.#inForce
    old.verification.verdicts.stopSharing()
    this.#inForce = next
    this.#count += 1
    this.#retiring.add(old)
    void old.inFlight.all.empty().then(() => {
      if (this.#retiring.delete(old)) discard(old)
    })
  }

  /** Waits for what clients wait for, then discards all. Plugins in shadow mode are not waited for. */
  async end(): Promise<void> {
    const all = this.all
    this.#retiring.clear()
    const limit = new AbortController()
    const ended = Promise.all(all.map(({ inFlight }) => inFlight.waits.empty()))
    await Promise.race([ended, sleep(END_LIMIT, undefined, { signal: limit.signal }).catch(() => undefined)])
    limit.abort()
    for (const generation of all) discard(generation)
    // What plugins write and save at their end is not lost with this process.
    await Promise.all(all.flatMap(({ workers }) => [...workers.values()].map(one => one.unloaded())))
  }
}
