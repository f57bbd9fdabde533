/**
 * CONNECT in probe mode: no tunnel without an accepted origin.
 *
 *     dial -> verify(target) -> 200 -> ClientHello read -> same name? -> relay, the passing certificate compared
 *                 \-> 502/504                \-> not TLS: closed  \-> verify(its name) at the same address, or an alert
 *
 * What the tunnel's TLS asks for is the SNI, or without one the address itself: a ClientHello without SNI in a tunnel to
 * a name is verified as a handshake with the address. Of an encrypted ClientHello the outer name is verified too; the inner
 * one cannot be read.
 */
import { dial } from '../origin/dial.js'
import { addressOf, type Prober, type VerifiedAddress } from '../origin/prober.js'
import { fatalAlert } from '../tls/record-layer.js'
import { VerifyRejected } from '../tls/verdict.js'
import { PluginRefused } from '../vconn/plugin-refused.js'
import type { TcpLink } from '../vconn/tcp-link.js'
import type { ConnectServer } from './connect.js'
import type { ConnectRequest } from './connect-request.js'
import { relay, type TunnelOptions } from './connect-tunnel.js'
import { GuardedLink } from './guarded-link.js'
import type { TunnelOrigin } from './tunnel-origin.js'
import { WaitingClient } from './waiting-client.js'

export interface ProbeOptions extends TunnelOptions {
  readonly prober: Prober
  /** Milliseconds in which a ClientHello must be complete. */
  readonly helloTimeout: () => number
}

/** RFC 8446 section 6.2. */
const ACCESS_DENIED = 49
const INTERNAL_ERROR = 80

export function probedTunnel(options: ProbeOptions): ConnectServer {
  return async request => {
    const { host, port } = request
    const client = new WaitingClient(request.link, request.early)
    let tcp: TcpLink | undefined
    try {
      const since = performance.now()
      const dialled = await dial({ host, port }, options.dial, client.signal)
      const target = await options.prober.verify(
        dialled,
        { host, port, since, client: request.req.client.network },
        client.signal,
      )
      tcp = target.tcp
      const held = await options.start(tcp, host, port, client.signal)
      request.origin = tunnelOrigin(target, held)
      client.signal.throwIfAborted()
      request.establish()
      const { sni } = await client.readHello(options.helloTimeout())
      const asked = sni ?? addressOf(tcp)
      const verified =
        asked === host ? target : await verifyAsked(asked, request, client.signal, tcp, options)
      tcp = verified.tcp
      if (verified !== target) request.origin = tunnelOrigin(verified, held)
      const result = await relay(
        client.release(),
        new GuardedLink(tcp, verified.acceptance.leafSha256, sni),
        options,
      )
      if (result.cause?.code === 'PTC_TUNNEL_CUT') verified.forget()
      return result
    } catch (cause) {
      client.discard()
      tcp?.destroy()
      throw cause
    }
  }
}

/** @param held milliseconds that plugins took about the tunnel's own connection */
const tunnelOrigin = ({ tcp, acceptance, parked }: VerifiedAddress, held: number): TunnelOrigin => ({
  address: tcp.remoteAddress,
  acceptance,
  parked: parked + held,
})

/** The ClientHello asks for another name than CONNECT did: that one is judged too, and the client is told by alert. */
async function verifyAsked(
  asked: string,
  { link, port, req }: ConnectRequest,
  signal: AbortSignal,
  tcp: TcpLink,
  { prober, start }: Pick<ProbeOptions, 'prober' | 'start'>,
): Promise<VerifiedAddress> {
  try {
    const verified = await prober.verify(tcp, { host: asked, port, client: req.client.network }, signal)
    await start(verified.tcp, asked, port, signal)
    return verified
  } catch (cause) {
    const isRefused = cause instanceof VerifyRejected || cause instanceof PluginRefused
    const alert = isRefused ? ACCESS_DENIED : INTERNAL_ERROR
    if (!link.isClosed) link.write(fatalAlert(alert))
    throw cause
  }
}
