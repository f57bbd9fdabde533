/** The one C callback that OpenSSL hands the secrets of a session to, as lines in the form of SSLKEYLOGFILE. */
import { type Handle, registerKeyLogCallback } from './library.js'

const sinks = new Map<Handle, (line: string) => void>()
let registered: bigint | undefined

/** From the moment an SSL exists. */
export function enrollForKeys(handle: Handle, sink: (line: string) => void): void {
  sinks.set(handle, sink)
}

/** Before SSL_free: addresses are used again. */
export function dismissFromKeys(handle: Handle): void {
  sinks.delete(handle)
}

export function keyLogCallback(): bigint {
  registered ??= registerKeyLogCallback((handle, line) => {
    try {
      sinks.get(handle)?.(line)
    } catch {
      // An exception must not reach C. A line that is lost makes a capture unreadable, and nothing unsafe.
    }
  })
  return registered
}
