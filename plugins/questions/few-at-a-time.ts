interface Waiting {
  readonly start: () => void
  readonly fail: (cause: Error) => void
}

/** Bounds how many pieces of work run at once. The others wait in a row; a row that is full takes no more. */
export class FewAtATime {
  readonly #most: number
  readonly #maxWaiting: number
  readonly #waiting = new Set<Waiting>()
  #running = 0

  constructor(most: number, maxWaiting: number) {
    this.#most = most
    this.#maxWaiting = maxWaiting
  }

  /**
   * Runs `work` when it is its turn.
   * @param signal when it aborts before that, `work` is not run
   * @throws {Error} when the row is full, or `signal` has aborted; and what `work` throws
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#running >= this.#most) await this.#turn(signal)
    else this.#running++
    try {
      signal.throwIfAborted()
      return await work()
    } finally {
      const [next] = this.#waiting
      if (next === undefined) this.#running--
      else {
        this.#waiting.delete(next)
        next.start()
      }
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= this.#maxWaiting)
      return Promise.reject(new Error(`${this.#most} questions are in flight, and ${this.#maxWaiting} wait`))
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { start: resolve, fail: reject }
      this.#waiting.add(waiting)
      const leave = (): void => {
        if (this.#waiting.delete(waiting)) reject(new Error('nothing waits for the answer any more'))
      }
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
