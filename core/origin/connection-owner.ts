/**
 * One client connection, as the owner of the origin connections on which that client has logged in.
 *
 * Life: present -> over. The pool closes its origin connections when it is over.
 */
export class ConnectionOwner {
  readonly #onLoginLost: () => void
  #listeners: Set<() => void> | undefined
  #isOver = false

  /** @param onLoginLost ends the client connection: without a proxy the client would see its login's connection end */
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
