import { isIP } from 'node:net'
import { originAuthority } from '../../base/authority.js'
import type { Current } from '../../base/current.js'
import { type HoldingOptions, holdingWay } from '../../origin/parents/holding.js'
import { reach } from '../../origin/parents/reach.js'
import type { WayQuestion } from '../../origin/parents/routes.js'
import { type Place, placeOf, type Ways } from '../../origin/parents/way.js'
import type { Prober, VerifiedAddress } from '../../origin/prober.js'
import type { ClientLink, Link } from '../../vconn/link.js'
import type { OriginLink } from '../../vconn/origin-link.js'
import { type PumpResult, pump } from '../../vconn/pump.js'
import { RewindLink } from '../../vconn/rewind-link.js'
import { type ConnectRequest, checkLogin, withdrawn } from './request.js'
import { SilentLink } from './silent-link.js'
import type { TunnelNames } from './tunnel-judgement.js'

export interface TunnelOptions extends HoldingOptions {
  /** Through which parents tunnels go. */
  readonly waysFor: (question: WayQuestion) => Ways
  /** Milliseconds without a byte in either direction after which a tunnel is closed. */
  readonly idleTimeout: Current<number>
  /**
   * Gives the connection to the origin its VConn, which ends with it, and has plugins asked. A connection is started once.
   * @throws {ProxyError} a refusal, or the signal's reason: the connection is closed then
   * @returns milliseconds that plugins took
   */
  readonly start: (tcp: OriginLink, host: string, port: number, signal: AbortSignal) => Promise<number>
}

/**
 * A tunnel that is not inspected: proxy.config.http.connect.verify `tunnel`, where no other rule could hold. It rests on the
 * acceptance of an https parent, if there is one on the way.
 */
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
  const ways = waysOf(request, options)
  const { asking } = request
  const { network, clientEnds: from } = request.req.client
  const origin = await reach({ host, port, client: network, asking, from, ways }, options.dial(), gone.signal)
  const parked = await options.start(origin, host, port, gone.signal)
  request.origin = { address: origin.remoteAddress, parked }
  const holds = holdingWay(origin, options)
  try {
    await checkLogin(request, gone.signal)
    if (!holds()) throw withdrawn()
  } catch (cause) {
    origin.destroy()
    throw cause
  }
  request.establish()
  const isResting = placeOf(origin).parent !== undefined
  return relay(
    request,
    new RewindLink(link, early),
    isResting ? new SilentLink(origin, holds) : origin,
    options,
  )
}

/** Parents are chosen by the CONNECT, whatever is found in it. */
export function waysOf(
  { host, isAddress, port, req }: ConnectRequest,
  { waysFor }: Pick<TunnelOptions, 'waysFor'>,
): Ways {
  const origin = { scheme: 'https', host, isAddress, port } as const
  const url = `https://${originAuthority(origin)}/`
  return waysFor({
    scheme: 'https',
    host,
    port,
    method: 'CONNECT',
    url,
    client: req.client.remoteAddress ?? '',
  })
}

/**
 * Relays until both ends have closed, or a reload takes the login away. The client's link is paused, with all that is for
 * the origin still in it.
 */
export function relay(
  { login, link }: Pick<ConnectRequest, 'login' | 'link'>,
  client: ClientLink,
  origin: Link,
  { idleTimeout }: Pick<TunnelOptions, 'idleTimeout'>,
): Promise<PumpResult> {
  return new Promise(resolve => {
    const leave = login?.open(why => link.destroy(why))
    pump(client, origin, idleTimeout(), result => {
      leave?.()
      resolve(result)
    })
    client.resume()
  })
}

export interface WayOptions extends TunnelOptions {
  readonly prober: Prober
}

/**
 * The origin's side of one tunnel. Once it has been dialled its place stays, whatever names the tunnel is for: another
 * name gets a connection of its own there, about which plugins are asked under that name.
 *
 * Life: fresh -> dialled -> started (for one host) -> relayed or destroyed.
 */
export class TunnelWay {
  readonly #request: ConnectRequest
  readonly #options: WayOptions
  readonly #signal: AbortSignal
  #tcp: OriginLink | undefined
  #place: Place | undefined
  #startedFor: string | undefined
  #since = 0
  #holds = (): boolean => false

  constructor(request: ConnectRequest, options: WayOptions, signal: AbortSignal) {
    this.#request = request
    this.#options = options
    this.#signal = signal
  }

  /** The origin's IP address, once it is dialled. A parent that resolves names hides it: that address may have a rule. */
  get reached(): Pick<TunnelNames, 'address' | 'isAddressHidden'> {
    const host = this.#place?.host
    if (host === undefined) return {}
    return isIP(host) === 0 ? { isAddressHidden: true } : { address: host }
  }

  async dial(): Promise<void> {
    const { host } = this.#request
    await this.#dial(host, host, waysOf(this.#request, this.#options))
  }

  /** Calls `onFirst` when the origin sends something, or ends, before the tunnel is open. */
  watch(onFirst: () => void): void {
    this.#tcp?.watch(onFirst, onFirst)
  }

  /** Whether the way to the place that was dialled last may still be used. */
  get holds(): boolean {
    return this.#holds()
  }

  /** A connection that plugins have let pass for this host. */
  async started(host: string): Promise<OriginLink> {
    const tcp = await this.#connectionFor(host)
    if (this.#startedFor === host) return tcp
    const parked = await this.#start(tcp, host)
    this.#holds = holdingWay(tcp, this.#options) // what ended while plugins held it was for this tunnel
    this.#request.origin = { address: tcp.remoteAddress, parked }
    return tcp
  }

  /**
   * A connection to an origin that was accepted as this host.
   * @param announce the name to announce, null for none; undefined as the rules have it
   * @param onSilent as for {@link Prober.verify}
   */
  async verified(host: string, announce?: string | null, onSilent?: () => void): Promise<VerifiedAddress> {
    const { port, req, asking } = this.#request
    const from = await this.#connectionFor(host)
    const named = announce === undefined ? {} : { announce }
    const target = {
      host,
      port,
      client: req.client.network,
      asking,
      from: req.client.clientEnds,
      since: this.#since,
      ...named,
    }
    this.#tcp = undefined // the prober's from here on
    const verified = await this.#options.prober.verify(from, target, this.#signal, onSilent)
    const { tcp, acceptance, parked } = verified
    this.#tcp = tcp
    const held = await this.#start(tcp, host)
    this.#request.origin = { address: tcp.remoteAddress, acceptance, parked: parked + held }
    this.#signal.throwIfAborted()
    return verified
  }

  /** As {@link verified}, on a new connection: a parent or an address on its way may not be accepted any more. */
  verifiedAnew(host: string, announce?: string | null): Promise<VerifiedAddress> {
    this.destroy()
    return this.verified(host, announce)
  }

  destroy(): void {
    this.#tcp?.destroy()
  }

  /** The place of the origin, for a tunnel that is bumped after its dial; undefined before. Closes the connection unused. */
  left(): Place | undefined {
    this.destroy()
    return this.#place
  }

  #start(tcp: OriginLink, host: string): Promise<number> {
    this.#startedFor = host
    return this.#options.start(tcp, host, this.#request.port, this.#signal)
  }

  async #connectionFor(host: string): Promise<OriginLink> {
    const tcp = this.#tcp
    const isFor = this.#startedFor === undefined || this.#startedFor === host
    if (tcp !== undefined && isFor && !tcp.isClosed && this.#holds()) return tcp
    tcp?.destroy()
    const place = this.#place
    if (place !== undefined) return this.#dial(place.host, host, [place.way])
    return this.#dial(this.#request.host, host, waysOf(this.#request, this.#options))
  }

  async #dial(to: string, name: string, ways: Ways): Promise<OriginLink> {
    this.#startedFor = undefined
    this.#since = performance.now()
    const { port, req, asking } = this.#request
    const { network: client, clientEnds: from } = req.client
    const at = { host: to, port, name, client, asking, from, ways }
    const tcp = await reach(at, this.#options.dial(), this.#signal)
    this.#tcp = tcp
    this.#place = placeOf(tcp)
    this.#holds = holdingWay(tcp, this.#options)
    return tcp
  }
}
