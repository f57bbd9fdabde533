import type { Socket } from 'node:net'
import { type Current, derived } from '../../base/current.js'
import { networkOfAddress } from '../../base/network.js'
import { NetworkRings, Place } from '../../base/network-rings.js'

export interface ConnectionLimits {
  /** On all ports together. */
  readonly total: number
  /** For one client, which is an IPv4 address or 64 bits of an IPv6 one; 0 for no limit. */
  readonly perClient: number
}

/** What one of several processes may take: connections are spread evenly, a client's as well as all. */
export function shareOf(limits: Current<ConnectionLimits>, processes: number): Current<ConnectionLimits> {
  if (processes === 1) return limits
  const part = (count: number): number => Math.ceil(count / processes)
  return derived(limits, ({ total, perClient }) => ({ total: part(total), perClient: part(perClient) }))
}

/** The time between two warnings about closed connections, in milliseconds. */
const TELL_EVERY = 10_000

/**
 * Counts the connections of clients on all ports. Beyond the limits a new one is closed; where the total is reached, and
 * another client network has at least two more than the one that comes, that network loses its newest in its place.
 */
export class ConnectionCounts {
  readonly #limits: Current<ConnectionLimits>
  readonly #warn: (message: string) => void
  readonly #open = new NetworkRings<OpenSocket>()
  #closed = 0
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(limits: Current<ConnectionLimits>, warn: (message: string) => void) {
    this.#limits = limits
    this.#warn = warn
  }

  get open(): number {
    return this.#open.total
  }

  /**
   * @param address of the client, if a relay has announced another one than the socket's
   * @returns false for a connection that is too much: it has been closed
   */
  readonly take = (socket: Socket, address = socket.remoteAddress ?? ''): boolean => {
    const { total, perClient } = this.#limits()
    const network = networkOfAddress(address)
    if (perClient > 0 && this.#open.of(network) >= perClient)
      return this.#refuse(socket, `${network} has reached per_client.max_connections_in (${perClient})`)
    if (this.open >= total && !this.#makeRoom(network, total))
      return this.#refuse(socket, `connections_throttle (${total}) is reached`)
    const open = new OpenSocket(socket)
    this.#open.add(network, open)
    socket.once('close', () => this.#open.remove(network, open))
    return true
  }

  /** Not among equals: there the connections that came first stay. */
  #makeRoom(network: string, total: number): boolean {
    const { heaviest } = this.#open
    // After a reload with a smaller limit one place is not enough.
    if (this.open > total || heaviest === undefined) return false
    const { newest, size } = heaviest.ring
    if (newest === undefined || size <= this.#open.of(network) + 1) return false
    this.#open.remove(heaviest.network, newest)
    newest.socket.resetAndDestroy()
    this.#tell(`connections_throttle (${total}) is reached, and ${heaviest.network} has the most connections`)
    return true
  }

  #refuse(socket: Socket, why: string): false {
    socket.destroy()
    this.#tell(why)
    return false
  }

  #tell(why: string): void {
    this.#closed++
    const now = performance.now()
    if (now < this.#toldAt + TELL_EVERY) return
    this.#warn(`connections of clients refused or closed: ${this.#closed}; ${why}`)
    this.#toldAt = now
    this.#closed = 0
  }
}

class OpenSocket extends Place {
  readonly socket: Socket

  constructor(socket: Socket) {
    super()
    this.socket = socket
  }
}
