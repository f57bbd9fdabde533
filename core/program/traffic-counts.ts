import type { Traffic } from '../admin/admin-api.js'
import type { Summary } from '../http/transaction/summary.js'

const VERSIONS = ['1.0', '1.1', '2']

/** Counts finished transactions and tunnels, for as long as the program lasts. */
export class TrafficCounts {
  readonly #requests = new Map<string, { version: string; class: string; count: number }>()
  #fromClients = 0
  #toClients = 0
  #toOrigins = 0
  #fromOrigins = 0

  add({ req, status, bytesUp, bytesDown, channel, tunnel }: Summary): void {
    const version = VERSIONS.find(known => known === req?.httpVersion) ?? 'other'
    const statusClass = status >= 100 && status <= 599 ? `${Math.floor(status / 100)}xx` : 'none'
    const key = version + statusClass
    const known = this.#requests.get(key)
    if (known === undefined) this.#requests.set(key, { version, class: statusClass, count: 1 })
    else known.count += 1
    this.#fromClients += bytesUp
    this.#toClients += bytesDown
    if (channel === undefined && tunnel === undefined) return
    this.#toOrigins += bytesUp
    this.#fromOrigins += bytesDown
  }

  now(): Traffic {
    return {
      requests: [...this.#requests.values()].map(one => ({ ...one })),
      fromClients: this.#fromClients,
      toClients: this.#toClients,
      toOrigins: this.#toOrigins,
      fromOrigins: this.#fromOrigins,
    }
  }
}
