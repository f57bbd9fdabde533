/** How many handshakes with clients are under way that began with one setup: it is kept until they have ended. */
export class ClientHandshakes {
  #inFlight = 0

  get inFlight(): number {
    return this.#inFlight
  }

  /** One begins. @returns to be called when it has ended */
  enter(): () => void {
    this.#inFlight++
    let isOver = false
    return () => {
      if (!isOver) this.#inFlight--
      isOver = true
    }
  }
}
