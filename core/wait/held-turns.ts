/** One plugin's turn in a wait, for those who manage the proxy. */
export interface HeldTurn {
  readonly hook: string
  readonly plugin: string
  /** Who waits, in the words of the log: `client 192.0.2.1:50000`, or a host. */
  readonly about: string
  /** When it began, and when silence ends it; milliseconds since the epoch. */
  readonly since: number
  readonly deadline: number
}

/** The turns that last at this moment, on hooks other than that of an origin's certificate; across reloads. */
export class HeldTurns {
  readonly #all = new Set<HeldTurn>()

  /** @returns to be called when it is over */
  begin(turn: HeldTurn): () => void {
    this.#all.add(turn)
    return () => void this.#all.delete(turn)
  }

  /** Oldest first. */
  list(): readonly HeldTurn[] {
    return [...this.#all]
  }
}
