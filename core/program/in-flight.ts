/** How much of one kind is under way that began with one setup: it is kept until all of it has ended. */
export class InFlight {
  #count = 0

  get count(): number {
    return this.#count
  }

  /** One begins. @returns to be called when it has ended */
  readonly enter = (): (() => void) => {
    this.#count++
    let isOver = false
    return () => {
      if (!isOver) this.#count--
      isOver = true
    }
  }
}
