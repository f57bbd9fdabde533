import { ProxyError } from '../base/errors.js'
import { checkLogFile, LogFile, type LogSink, type SharedRolling } from '../log/log-file.js'
import type { Rolling } from '../log/rolling.js'

/** Where log lines go, and which record says so, as errors call it. */
export interface LogTarget {
  /** `stdout`, `stderr`, or a file that is appended to. */
  readonly file: string
  readonly record: string
  /** When the file is rolled; undefined for never. */
  readonly rolling: Rolling | undefined
}

const isStream = (file: string): file is 'stdout' | 'stderr' => file === 'stdout' || file === 'stderr'

/**
 * @param onTrouble called when the file cannot be written
 * @param shared undefined where no other process writes it
 * @throws {ProxyError} PTC_LOG_UNWRITABLE when the file cannot be opened
 */
export function openSink(
  { file, record, rolling }: LogTarget,
  print: (stream: 'stdout' | 'stderr', line: string) => void,
  onTrouble: (message: string) => void,
  shared?: SharedRolling,
): LogSink {
  if (isStream(file))
    return { write: line => print(file, line), reopen() {}, roll() {}, close: () => Promise.resolve() }
  return named(record, () => new LogFile(file, onTrouble, rolling, shared))
}

/**
 * Looks whether {@link openSink} could open it, and makes nothing.
 * @throws {ProxyError} PTC_LOG_UNWRITABLE
 */
export function checkSink({ file, record }: Pick<LogTarget, 'file' | 'record'>): void {
  if (!isStream(file)) named(record, () => checkLogFile(file))
}

function named<T>(record: string, open: () => T): T {
  try {
    return open()
  } catch (cause) {
    if (!(cause instanceof ProxyError)) throw cause
    throw new ProxyError(cause.code, `${record}: ${ProxyError.textOf(cause)}`, { cause })
  }
}
