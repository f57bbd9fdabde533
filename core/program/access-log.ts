import { adviceFor } from '../http/pages/advice.js'
import { AccessLog } from '../log/access-log.js'
import type { LogSink } from '../log/log-file.js'
import { logFormat } from '../log/log-formats.js'
import type { AccessLogSettings } from '../settings/program.js'
import type { LogTarget } from './log-sink.js'

/**
 * The access log of a running proxy: the same file for as long as its name stays, whatever else a reload changes.
 */
export class AccessLogs {
  readonly #open: (target: LogTarget) => LogSink
  #file: string | undefined
  #sink: LogSink | undefined
  /** Undefined where none is written. */
  current: AccessLog | undefined

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
    } else this.#sink?.roll(settings?.rolling)
    const sink = this.#sink
    this.current =
      settings === undefined || sink === undefined
        ? undefined
        : new AccessLog({
            isErrorsOnly: settings.isErrorsOnly,
            format: logFormat(settings.layout),
            write: line => sink.write(line),
            remedyFor: (error, host) => adviceFor(error, host).operator,
          })
  }

  stopRolling(): void {
    this.#sink?.roll(undefined)
  }

  reopen(): void {
    this.#sink?.reopen()
  }

  async close(): Promise<void> {
    this.current = undefined
    await this.#sink?.close()
  }
}
