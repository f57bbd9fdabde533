import type { Traffic } from '../admin/admin-api.js'
import type { Current } from '../base/current.js'
import type { Summary } from '../http/transaction/summary.js'
import type { AccessLogs } from './access-log.js'
import type { VConns } from './wiring/vconns.js'

const VERSIONS = ['1.0', '1.1', '2']

/** Counts, logs and tells plugins of transactions and tunnels that are over, for as long as the program lasts. */
export class Finished {
  readonly #access: AccessLogs
  readonly #current: Current<{ readonly vconns: VConns }>
  readonly #requests = new Map<string, { version: string; class: string; count: number }>()
  #fromClients = 0
  #toClients = 0
  #toOrigins = 0
  #fromOrigins = 0

  constructor(access: AccessLogs, current: Current<{ readonly vconns: VConns }>) {
    this.#access = access
    this.#current = current
  }

  readonly add = (summary: Summary): void => {
    this.#count(summary)
    this.#access.current?.log(summary)
    const { vconns } = this.#current()
    if (vconns.hearsTransactions) tellClosed(vconns, summary)
  }

  #count({ req, status, bytesUp, bytesDown, channel, tunnel }: Summary): void {
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

  /** The counts now. */
  traffic(): Traffic {
    return {
      requests: [...this.#requests.values()].map(one => ({ ...one })), // seldom
      fromClients: this.#fromClients,
      toClients: this.#toClients,
      toOrigins: this.#toOrigins,
      fromOrigins: this.#fromOrigins,
    }
  }
}

function tellClosed(vconns: VConns, summary: Summary): void {
  const { req, method, url, clientAddress, status, bytesUp, bytesDown, milliseconds, error, hooked } = summary
  const counts = { status, bytesUp, bytesDown, milliseconds }
  const event = {
    method,
    url,
    clientAddress,
    user: req?.user,
    groups: req?.groups ?? [],
    ...counts,
    error: error?.code,
    id: hooked?.id,
    args: hooked?.args ?? {},
  }
  vconns.tell('TS_HTTP_TXN_CLOSE_HOOK', Object.freeze(event))
}
