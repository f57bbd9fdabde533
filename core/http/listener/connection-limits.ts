import type { Socket } from 'node:net'
import type { Current } from '../../base/current.js'
import { networkOfAddress } from '../../base/network.js'

export interface ConnectionLimits {
  /** On all ports together. */
  readonly total: number
  /** Of one client: an IPv4 address, or 64 bits of an IPv6 one; 0 for no limit. */
  readonly perClient: number
}

/** How often refused connections are told of, in milliseconds. */
const TELL_EVERY = 10_000

/** Counts the connections of clients on all ports, and refuses those beyond the limits. */
export class ConnectionCounts {
  readonly #limits: Current<ConnectionLimits>
  readonly #warn: (message: string) => void
  readonly #byClient = new Map<string, number>()
  #open = 0
  #refused = 0
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(limits: Current<ConnectionLimits>, warn: (message: string) => void) {
    this.#limits = limits
    this.#warn = warn
  }

  get open(): number {
    return this.#open
  }

  /** @returns false for a connection that is too much: it has been closed */
  readonly take = (socket: Socket): boolean => {
    const { total, perClient } = this.#limits()
    const client = networkOfAddress(socket.remoteAddress ?? '')
    const count = this.#byClient.get(client) ?? 0
    if (this.#open >= total) return this.#refuse(socket, `connections_throttle (${total}) is reached`)
    if (perClient > 0 && count >= perClient)
      return this.#refuse(socket, `${client} has reached per_client.max_connections_in (${perClient})`)
    this.#open++
    this.#byClient.set(client, count + 1)
    socket.once('close', () => this.#leave(client))
    return true
  }

  #leave(client: string): void {
    this.#open--
    const count = this.#byClient.get(client) ?? 0
    if (count > 1) this.#byClient.set(client, count - 1)
    else this.#byClient.delete(client)
  }

  #refuse(socket: Socket, why: string): false {
    socket.destroy()
    this.#refused++
    const now = performance.now()
    if (now >= this.#toldAt + TELL_EVERY) {
      this.#warn(`connections of clients refused: ${this.#refused}; ${why}`)
      this.#toldAt = now
      this.#refused = 0
    }
    return false
  }
}
