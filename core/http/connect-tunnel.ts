import type { Socket } from 'node:net'
import { type DialOptions, dial } from '../origin/dial.js'
import type { Link } from '../vconn/link.js'
import { type PumpResult, pump } from '../vconn/pump.js'
import { TcpLink } from '../vconn/tcp-link.js'
import type { ConnectServer } from './connect.js'

export interface TunnelOptions {
  readonly dial: DialOptions
  /** Milliseconds without a byte in either direction after which a tunnel is closed. */
  readonly idleTimeout: () => number
  /** Gives the connection to the origin its VConn, which ends with it. */
  readonly openVConn: (tcp: TcpLink) => void
}

/** CONNECT without verification: proxy.config.http.connect.verify `tunnel`. */
export function blindTunnel(options: TunnelOptions): ConnectServer {
  return async request => {
    const { socket, head, host, port } = request
    // Not read until the tunnel is open: whatever the client sends, its end included, waits for the pump.
    socket.pause()
    if (head.length > 0) socket.unshift(head)
    const gone = new AbortController()
    const onClose = (): void => gone.abort()
    socket.once('close', onClose)
    if (socket.destroyed) gone.abort()
    const origin = await dial({ host, port }, options.dial, gone.signal)
    socket.off('close', onClose)
    request.origin = { address: origin.remoteAddress }
    request.establish()
    return relay(socket, origin, origin, options)
  }
}

/** Relays until both ends have closed. The client's socket is paused, with all that is for the origin still in it. */
export function relay(
  socket: Socket,
  tcp: TcpLink,
  origin: Link,
  { idleTimeout, openVConn }: Pick<TunnelOptions, 'idleTimeout' | 'openVConn'>,
): Promise<PumpResult> {
  return new Promise(resolve => {
    openVConn(tcp)
    const client = new TcpLink(socket, 'client')
    pump(client, origin, idleTimeout(), resolve)
    client.resume()
  })
}
