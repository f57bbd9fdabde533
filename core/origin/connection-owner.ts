/**
 * A client's connection, as far as connections to origins may belong to it: those on which the client has logged in.
 *
 * Life: present -> over. What belongs to it is closed when it is over.
 */
export class ConnectionOwner {
  readonly #onLoginLost: () => void
  #listeners: Set<() => void> | undefined
  #isOver = false

  /** @param onLoginLost a connection with a login has ended: the client has to learn that, as it would without a proxy */
  constructor(onLoginLost: () => void) {
    this.#onLoginLost = onLoginLost
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Calls `listener` once, when it is over. */
  whenOver(listener: () => void): void {
    if (this.#isOver) return listener()
    this.#listeners ??= new Set()
    this.#listeners.add(listener)
  }

  /** The client's connection has ended. Safe to call twice. */
  end(): void {
    this.#isOver = true
    const listeners = this.#listeners
    this.#listeners = undefined
    for (const listener of listeners ?? []) listener()
  }

  /** Called by a connection with a login that has ended, or ends with the response whose head has come. */
  loginLost(): void {
    if (!this.#isOver) this.#onLoginLost()
  }
}
