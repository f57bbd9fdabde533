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
  /**
   * Gives the connection to the origin its VConn, which ends with it, and has plugins asked. A connection is started once.
   * @throws {ProxyError} a refusal, or the signal's reason: the connection is closed then
   * @returns milliseconds that plugins took
   */
  readonly start: (tcp: TcpLink, host: string, port: number, signal: AbortSignal) => Promise<number>
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
    const parked = await options.start(origin, host, port, gone.signal)
    socket.off('close', onClose)
    request.origin = { address: origin.remoteAddress, parked }
    request.establish()
    return relay(socket, origin, options)
  }
}

/** Relays until both ends have closed. The client's socket is paused, with all that is for the origin still in it. */
export function relay(
  socket: Socket,
  origin: Link,
  { idleTimeout }: Pick<TunnelOptions, 'idleTimeout'>,
): Promise<PumpResult> {
  return new Promise(resolve => {
    const client = new TcpLink(socket, 'client')
    pump(client, origin, idleTimeout(), resolve)
    client.resume()
  })
}
