import { LogFile, type LogSink } from '../log/log-file.js'

/**
 * Where log lines go.
 * @param name `stdout`, `stderr`, or a file that is appended to
 * @param onTrouble hears that the file cannot be written
 * @throws {ProxyError} PTC_LOG_UNWRITABLE when the file cannot be opened
 */
export function openSink(
  name: string,
  print: (stream: 'stdout' | 'stderr', line: string) => void,
  onTrouble: (message: string) => void,
): LogSink {
  if (name !== 'stdout' && name !== 'stderr') return new LogFile(name, onTrouble)
  return { write: line => print(name, line), reopen: () => {}, close: () => Promise.resolve() }
}
