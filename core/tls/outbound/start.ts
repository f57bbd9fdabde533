import type { Link } from '../../vconn/link.js'
import { OutboundHandshake } from './handshake.js'
import type { OutboundSettings } from './settings.js'
import type { TlsOrigin, TlsTarget } from './start-tls.js'

/** A handshake as a promise. */
export function startHandshake(
  tcp: Link,
  target: TlsTarget,
  settings: OutboundSettings,
  signal: AbortSignal,
): Promise<TlsOrigin> {
  return new Promise((resolve, reject) => {
    const abandon = (): void => handshake.abandon()
    const handshake = open()
    if (signal.aborted) return abandon()
    signal.addEventListener('abort', abandon, { once: true })
    handshake.start()

    function open(): OutboundHandshake {
      try {
        return new OutboundHandshake(tcp, target, settings, ending(resolve), ending(reject))
      } catch (cause) {
        settings.openVConn(tcp).close() // plugins may have been told of its start
        tcp.destroy()
        throw cause
      }
    }

    function ending<T>(end: (value: T) => void): (value: T) => void {
      return value => {
        signal.removeEventListener('abort', abandon)
        end(value)
      }
    }
  })
}
