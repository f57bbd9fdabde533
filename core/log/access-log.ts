import type { ProxyError } from '../base/errors.js'
import type { Summary } from '../http/transaction/summary.js'
import { logHost } from './log-fields.js'
import type { LogFormat } from './log-formats.js'

export interface AccessLogOptions {
  readonly format: LogFormat
  /** Leaves out what went well. */
  readonly isErrorsOnly: boolean
  readonly write: (line: string) => void
  /** What the operator can do about an error; the host is the one that the request was for. */
  readonly remedyFor: (error: ProxyError, host: string | undefined) => string
}

/** Writes a line for each transaction and tunnel. */
export class AccessLog {
  readonly #options: AccessLogOptions
  /** What had been sent on a connection when its last transaction ended: the difference is this one's. */
  readonly #sent = new WeakMap<object, number>()

  constructor(options: AccessLogOptions) {
    this.#options = options
  }

  log(summary: Summary): void {
    if (this.#options.isErrorsOnly && summary.error === undefined) return
    const startedAt = Date.now() - summary.milliseconds
    const { error, req } = summary
    const [user, groups] = [req?.user, req?.groups ?? []]
    const remedy = (): string | undefined => error && this.#options.remedyFor(error, logHost(summary))
    const sent = this.#sentFor(summary)
    this.#options.write(this.#options.format({ summary, startedAt, user, groups, sent, remedy }))
  }

  #sentFor({ req, bytesDown }: Summary): number {
    if (req === undefined) return bytesDown
    const { client } = req
    const before = this.#sent.get(client) ?? 0
    this.#sent.set(client, client.bytesWritten)
    return client.bytesWritten - before
  }
}
