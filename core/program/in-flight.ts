/** Counts what is in flight. What enters a part of a whole enters the whole. */
export class InFlight {
  readonly #whole: InFlight | undefined
  #count = 0
  #waiting: (() => void)[] = []

  constructor(whole?: InFlight) {
    this.#whole = whole
  }

  get count(): number {
    return this.#count
  }

  /** Something begins. Returns what is to be called at its end; further calls have no effect. */
  readonly enter = (): (() => void) => {
    this.#count++
    const leaveWhole = this.#whole?.enter()
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#count--
      if (this.#count === 0) for (const tell of this.#waiting.splice(0)) tell()
      leaveWhole?.()
    }
  }

  /** Resolves when the count is zero in a turn of the event loop of its own: what has just ended has returned by then. */
  async empty(): Promise<void> {
    do {
      if (this.#count > 0) await new Promise<void>(resolve => this.#waiting.push(resolve))
      await new Promise(resolve => setImmediate(resolve))
    } while (this.#count > 0)
  }
}

/** What is in flight that began with a generation, and needs it until its end. */
export interface GenerationInFlight {
  /** Everything. */
  readonly all: InFlight
  /** Handshakes, and other waits for plugins: a client or a request waits for each. */
  readonly waits: InFlight
  /** The handshakes with origins among them. */
  readonly outbound: InFlight
  /** Transactions about which plugins may be asked again; between two hooks they are no waits. */
  readonly transactions: InFlight
}

export function makeInFlight(): GenerationInFlight {
  const all = new InFlight()
  const waits = new InFlight(all)
  return { all, waits, outbound: new InFlight(waits), transactions: new InFlight(all) }
}
