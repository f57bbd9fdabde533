import type { WaitsElsewhere } from 'portcullis/plugin'

/** Handshakes that one instance of another proxy holds. */
export interface WaitsThere extends WaitsElsewhere {
  /** Names the instance. */
  readonly from: string
}

/** Milliseconds for which handshakes are shown whose time is over by this machine's clock: another one's may be late. */
const CLOCKS_DIFFER = 60_000
/** Instances of other proxies that are remembered for one question. */
const MAX_INSTANCES = 200
/** Characters of an id, several times as long as this plugin makes them. */
const MAX_ID = 255

/** The handshakes of other proxies that wait for the answer to one question, and the ids that it has there. */
export class Elsewhere {
  readonly #ids = new Set<string>()
  readonly #byInstance = new Map<string, WaitsThere>()

  /** Two instances that are asked at once may give a question two ids. */
  hasId(id: string): boolean {
    return this.#ids.has(id)
  }

  addId(id: string): void {
    if (this.#ids.size < MAX_INSTANCES && id.length <= MAX_ID) this.#ids.add(id)
  }

  forget(from: string): void {
    this.#byInstance.delete(from)
  }

  /** Takes what an instance tells. */
  take(there: WaitsThere): void {
    this.#byInstance.delete(there.from)
    if (there.waiting > 0 && this.#byInstance.size < MAX_INSTANCES) this.#byInstance.set(there.from, there)
  }

  /** By proxy, each of which may have several instances. One that has ended tells nothing more: the time of its handshakes ends. */
  list(): readonly WaitsElsewhere[] {
    const byProxy = new Map<string, WaitsElsewhere>()
    for (const { from, ...there } of this.#byInstance.values()) {
      if (there.waitsUntil + CLOCKS_DIFFER < Date.now()) this.#byInstance.delete(from)
      else {
        const other = byProxy.get(there.proxy)
        byProxy.set(there.proxy, other === undefined ? there : together(other, there))
      }
    }
    return [...byProxy.values()]
  }
}

const together = (one: WaitsElsewhere, other: WaitsElsewhere): WaitsElsewhere => ({
  ...one,
  waiting: one.waiting + other.waiting,
  clients: [...new Set([...one.clients, ...other.clients])],
  waitsUntil: Math.min(one.waitsUntil, other.waitsUntil),
})
