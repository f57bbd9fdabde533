import { resolve } from 'node:path'
import { parseLogFormat } from '../config/log-format.js'
import { placed } from '../config/record-place.js'
import type { Records } from '../config/records-table.js'
import type { ConnectSummary } from '../http/connect/connect.js'
import { userOf } from '../http/listener/proxy-auth.js'
import type { Summary } from '../http/transaction/summary.js'
import { AccessLog } from '../log/access-log.js'
import type { LogSink } from '../log/log-file.js'
import { type LogFormat, logFormat } from '../log/log-formats.js'
import type { LogTarget } from './log-sink.js'

export interface AccessLogSettings extends LogTarget {
  readonly isErrorsOnly: boolean
  readonly format: LogFormat
}

const FOLDER = 'proxy.config.log.logfile_dir'
const FILE = 'proxy.config.log.filename'

/**
 * What the records say about the access log; undefined for none.
 * @throws {ProxyError} PTC_RECORDS_INVALID
 */
export function accessLogSettings(records: Records): AccessLogSettings | undefined {
  const enabled = records['proxy.config.log.logging_enabled']
  if (enabled === 0) return undefined
  const hasCertificate = records['proxy.config.log.certificate_fields'] === 1
  const format = logFormat(parseLogFormat(records['proxy.config.log.format'], hasCertificate))
  const name = records[FILE]
  const isStream = name === 'stdout' || name === 'stderr'
  return {
    isErrorsOnly: enabled === 1,
    format,
    file: isStream ? name : resolve(records[FOLDER], name),
    record: placed(records, FOLDER),
  }
}

/**
 * The access log of a running proxy: the same file for as long as its name stays, whatever else a reload changes.
 */
export class AccessLogs {
  readonly #open: (target: LogTarget) => LogSink
  #file: string | undefined
  #sink: LogSink | undefined
  #log: AccessLog | undefined

  constructor(open: (target: LogTarget) => LogSink) {
    this.#open = open
  }

  /** @throws {ProxyError} PTC_LOG_UNWRITABLE; the old settings stay then */
  configure(settings: AccessLogSettings | undefined): void {
    if (settings?.file !== this.#file) {
      const sink = settings === undefined ? undefined : this.#open(settings)
      void this.#sink?.close()
      this.#sink = sink
      this.#file = settings?.file
    }
    const sink = this.#sink
    this.#log =
      settings === undefined || sink === undefined
        ? undefined
        : new AccessLog({ ...settings, write: line => sink.write(line) })
  }

  log(summary: Summary): void {
    if (this.#log !== undefined) this.#log.log(summary, summary.req && userOf(summary.req))
  }

  reopen(): void {
    this.#sink?.reopen()
  }

  async close(): Promise<void> {
    this.#log = undefined
    await this.#sink?.close()
  }
}

/** A tunnel, as a transaction. */
export function ofConnect({
  req,
  status,
  bytesUp,
  bytesDown,
  milliseconds,
  host,
  sni,
  origin,
  error,
  hooked,
}: ConnectSummary): Summary {
  return {
    req,
    method: 'CONNECT',
    url: req.url ?? '',
    clientAddress: req.client.remoteAddress,
    status,
    bytesUp,
    bytesDown,
    milliseconds,
    isReused: false,
    error,
    channel: undefined,
    tunnel: origin,
    tunnelHost: host,
    sni,
    sent: undefined,
    response: undefined,
    hooked,
  }
}
