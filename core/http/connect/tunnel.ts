import type { Current } from '../../base/current.js'
import { type DialOptions, dial } from '../../origin/dial.js'
import type { ClientLink, Link } from '../../vconn/link.js'
import { type PumpResult, pump } from '../../vconn/pump.js'
import { RewindLink } from '../../vconn/rewind-link.js'
import type { TcpLink } from '../../vconn/tcp-link.js'
import type { ConnectRequest } from './request.js'

export interface TunnelOptions {
  readonly dial: Current<DialOptions>
  /** Milliseconds without a byte in either direction after which a tunnel is closed. */
  readonly idleTimeout: Current<number>
  /**
   * Gives the connection to the origin its VConn, which ends with it, and has plugins asked. A connection is started once.
   * @throws {ProxyError} a refusal, or the signal's reason: the connection is closed then
   * @returns milliseconds that plugins took
   */
  readonly start: (tcp: TcpLink, host: string, port: number, signal: AbortSignal) => Promise<number>
}

/** A tunnel into which nobody looks: proxy.config.http.connect.verify `tunnel`, where no other rule could hold. */
export async function blindTunnel(request: ConnectRequest, options: TunnelOptions): Promise<PumpResult> {
  const { link, host, port } = request
  let { early } = request
  const gone = new AbortController()
  // Not read until the tunnel is open: whatever the client sends, its end included, waits for the pump.
  link.attach({
    onData: bytes => {
      early = Buffer.concat([early, bytes])
    },
    onDrain: () => {},
    onEnd: () => {},
    onClose: () => gone.abort(),
  })
  link.pause()
  const origin = await dial({ host, port, client: request.req.client.network }, options.dial(), gone.signal)
  const parked = await options.start(origin, host, port, gone.signal)
  request.origin = { address: origin.remoteAddress, parked }
  request.establish()
  return relay(new RewindLink(link, early), origin, options)
}

/** Relays until both ends have closed. The client's link is paused, with all that is for the origin still in it. */
export function relay(
  client: ClientLink,
  origin: Link,
  { idleTimeout }: Pick<TunnelOptions, 'idleTimeout'>,
): Promise<PumpResult> {
  return new Promise(resolve => {
    pump(client, origin, idleTimeout(), resolve)
    client.resume()
  })
}
