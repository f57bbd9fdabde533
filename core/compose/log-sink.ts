import { createWriteStream, openSync } from 'node:fs'
import { describe, ProxyError } from '../base/errors.js'

/**
 * Where log lines go.
 * @param name `stdout`, `stderr`, or a file that is appended to
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE when the file cannot be opened
 */
export function openSink(
  name: string,
  print: (stream: 'stdout' | 'stderr', line: string) => void,
): (line: string) => void {
  if (name === 'stdout' || name === 'stderr') return line => print(name, line)
  try {
    const stream = createWriteStream(name, { fd: openSync(name, 'a') })
    // A full disk must not end the proxy: it says so once, and lines are lost.
    stream.once('error', cause => print('stderr', `cannot write ${name}: ${describe(cause)}`))
    stream.on('error', () => {})
    return line => void stream.write(`${line}\n`)
  } catch (cause) {
    const text = `proxy.config.diags.logfile.filename: cannot open ${name}: ${describe(cause)}`
    throw new ProxyError('PTC_CONFIG_UNREADABLE', text, { cause })
  }
}
