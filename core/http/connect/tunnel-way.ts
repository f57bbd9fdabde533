import { addressOf, dial } from '../../origin/dial.js'
import type { Prober, VerifiedAddress } from '../../origin/prober.js'
import type { TcpLink } from '../../vconn/tcp-link.js'
import type { ConnectRequest } from './request.js'
import type { TunnelOptions } from './tunnel.js'

export interface WayOptions extends TunnelOptions {
  readonly prober: Prober
}

/**
 * The origin's side of one tunnel. Once it has been dialled its address stays, whatever names the tunnel is for: another
 * name gets a connection of its own there, about which plugins are asked under that name.
 *
 * Life: fresh -> dialled -> started (for one host) -> relayed or destroyed.
 */
export class TunnelWay {
  readonly #request: ConnectRequest
  readonly #options: WayOptions
  readonly #signal: AbortSignal
  #tcp: TcpLink | undefined
  #address: string | undefined
  #startedFor: string | undefined
  #since = 0

  constructor(request: ConnectRequest, options: WayOptions, signal: AbortSignal) {
    this.#request = request
    this.#options = options
    this.#signal = signal
  }

  /** The origin's IP address; undefined before it is dialled. */
  get address(): string | undefined {
    return this.#address
  }

  async dial(): Promise<void> {
    const { host } = this.#request
    await this.#dial(host, host)
  }

  /** Calls `onFirst` when the origin sends something, or ends, before the tunnel is open. */
  watch(onFirst: () => void): void {
    this.#tcp?.watch(onFirst, onFirst)
  }

  /** A connection that plugins have let pass for this host. */
  async started(host: string): Promise<TcpLink> {
    const tcp = await this.#connectionFor(host)
    if (this.#startedFor === host) return tcp
    const parked = await this.#start(tcp, host)
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
    const target = { host, port, client: req.client.network, asking, since: this.#since, ...named }
    this.#tcp = undefined // the prober's from here on
    const verified = await this.#options.prober.verify(from, target, this.#signal, onSilent)
    const { tcp, acceptance, parked } = verified
    this.#tcp = tcp
    const held = await this.#start(tcp, host)
    this.#request.origin = { address: tcp.remoteAddress, acceptance, parked: parked + held }
    this.#signal.throwIfAborted()
    return verified
  }

  destroy(): void {
    this.#tcp?.destroy()
  }

  #start(tcp: TcpLink, host: string): Promise<number> {
    this.#startedFor = host
    return this.#options.start(tcp, host, this.#request.port, this.#signal)
  }

  async #connectionFor(host: string): Promise<TcpLink> {
    const tcp = this.#tcp
    const isFor = this.#startedFor === undefined || this.#startedFor === host
    if (tcp !== undefined && isFor && !tcp.isClosed) return tcp
    tcp?.destroy()
    return this.#dial(this.#address ?? this.#request.host, host)
  }

  async #dial(to: string, name: string): Promise<TcpLink> {
    this.#startedFor = undefined
    this.#since = performance.now()
    const at = { host: to, port: this.#request.port, name, client: this.#request.req.client.network }
    const tcp = await dial(at, this.#options.dial(), this.#signal)
    this.#tcp = tcp
    this.#address = addressOf(tcp)
    return tcp
  }
}
