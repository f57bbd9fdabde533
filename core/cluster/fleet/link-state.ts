import type { FleetStatus } from '../../admin/admin-api.js'

/** The state of this process's connection to Redis, as operators see it. No decision depends on it. */
export class LinkState {
  #isConnected = false
  #since = Date.now()
  #error: { readonly text: string; readonly at: number } | undefined

  /** Redis has answered. */
  found(): void {
    if (this.#isConnected) return
    this.#isConnected = true
    this.#since = Date.now()
  }

  /** @param why undefined where the client of Redis reports that there is no connection, without the reason */
  lost(why: string | undefined): void {
    if (why !== undefined) this.#error = { text: why, at: Date.now() }
    if (!this.#isConnected) return
    this.#isConnected = false
    this.#since = Date.now()
  }

  /** @param waiting entries that are not sent yet */
  shown(waiting: number): FleetStatus {
    const { text = null, at = null } = this.#error ?? {}
    return {
      isConnected: this.#isConnected,
      since: this.#since,
      lastError: text,
      lastErrorAt: at,
      waiting,
    }
  }
}
