/** How figures of processes are added up. */
export interface Adding<T> {
  readonly add: (past: T, last: T) => T
  /** What of the past can be added to the figures of a process that serves; the rest is dropped. */
  readonly fitting: (past: T, figures: T) => T
}

/**
 * What the processes have counted, those that have ended included: the sums never fall while the program runs.
 *
 *     began ──note()──> known ──ended()──> past
 *
 * The figures of a process are those that it has told last. One that ends by itself tells its last ones; one that is killed takes
 * with it what it has counted since it was asked.
 */
export class Counted<T> {
  readonly #adding: Adding<T>
  /** By the number of the process; undefined before it has told any. */
  readonly #known = new Map<number, T | undefined>()
  #past: T | undefined

  constructor(adding: Adding<T>) {
    this.#adding = adding
  }

  /** A process begins to serve. */
  began(process: number): void {
    this.#known.set(process, undefined)
  }

  /** What a process has told. That of one which has ended is in the sums already. */
  note(process: number, figures: T): void {
    if (!this.#known.has(process)) return
    this.#known.set(process, figures)
    this.#fit()
  }

  ended(process: number): void {
    const last = this.#known.get(process)
    this.#known.delete(process)
    if (last === undefined) return
    this.#past = this.#past === undefined ? last : this.#adding.add(this.#past, last)
    this.#fit()
  }

  /** What the sums are made of: one for each process that has told some, and one for all that have ended. */
  get all(): readonly T[] {
    return [...this.#serving, ...(this.#past === undefined ? [] : [this.#past])]
  }

  get #serving(): readonly T[] {
    return [...this.#known.values()].filter(figures => figures !== undefined)
  }

  #fit(): void {
    for (const figures of this.#serving)
      if (this.#past !== undefined) this.#past = this.#adding.fitting(this.#past, figures)
  }
}
