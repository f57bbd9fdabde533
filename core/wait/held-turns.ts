/** One plugin's turn that lasts, for the management API. */
export interface HeldTurn {
  readonly hook: string
  readonly plugin: string
  /** What waits, in the words of the log: `client 192.0.2.1:50000`, or a host. */
  readonly about: string
  /** When it began, and when silence ends it; milliseconds since the epoch. */
  readonly since: number
  readonly deadline: number
}

/** What may be held: a turn, or a handshake with its turns. */
export interface Holdable<T extends HeldTurn> {
  /** Undefined while no plugin is asked. */
  readonly held: T | undefined
}

/** What plugins hold now, on all hooks and across reloads. A wait costs one entry, however many plugins are asked. */
export class HeldTurns<T extends HeldTurn = HeldTurn> {
  readonly #all = new Set<Holdable<T>>()

  add(holdable: Holdable<T>): void {
    this.#all.add(holdable)
  }

  delete(holdable: Holdable<T>): void {
    this.#all.delete(holdable)
  }

  /** @returns to be called when the turn is over */
  begin(turn: T): () => void {
    const holdable = { held: turn }
    this.add(holdable)
    return () => this.delete(holdable)
  }

  /** Oldest first. */
  list(): readonly T[] {
    return [...this.#all].flatMap(({ held }) => held ?? [])
  }
}
