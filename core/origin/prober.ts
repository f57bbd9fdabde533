/**
 * Verifies origins for tunnels: a handshake of the proxy's own, whose verdict holds for a while for the same name at the
 * same address. A tunnel then goes to the very address that was verified, not to the name, which may resolve anew.
 */
import { LRUCache } from 'lru-cache'
import type { StartTls } from '../tls/start-tls.js'
import type { VerifiedPeer } from '../tls/verdict.js'
import { endGently } from '../vconn/end-gently.js'
import type { TcpLink } from '../vconn/tcp-link.js'
import { abortReason, type DialOptions, dial } from './dial.js'

export interface ProberOptions {
  readonly dial: DialOptions
  readonly startTls: StartTls
  /** The digest of everything that shapes the verdict about this host: a verdict never outlives it. */
  readonly policyDigest: (host: string) => string
  /** How long an acceptance holds, in milliseconds; 0 has every tunnel verified on its own. */
  readonly ttl: () => number
}

/** A connection on which nothing was sent yet, to an address whose origin was accepted under a name. */
export interface VerifiedAddress {
  readonly tcp: TcpLink
  /** SHA-256 of the leaf that the origin showed. */
  readonly leafSha256: string
  /** Has the next tunnel verified again. */
  readonly forget: () => void
}

/** Verdicts that are kept: about 300 bytes each. */
const MAX_KNOWN = 10_000

interface Probe {
  readonly leaf: Promise<string>
  readonly abort: AbortController
  /** Tunnels that wait for it; without any it is given up. */
  waiting: number
}

/** Only acceptances are kept. A rejection is told to everyone who waits for it, and the next tunnel asks again. */
export class Prober {
  readonly #options: ProberOptions
  readonly #known = new LRUCache<string, string>({ max: MAX_KNOWN })
  readonly #underWay = new Map<string, Probe>()

  constructor(options: ProberOptions) {
    this.#options = options
  }

  /** Handshakes that are under way. */
  get probes(): number {
    return this.#underWay.size
  }

  /**
   * Has the origin at the other end of `tcp` judged under a name, unless that verdict is known. `tcp` is used up by it,
   * or returned.
   * @throws {ProxyError} of the handshake, of the second dial, or the signal's reason
   */
  async verify(tcp: TcpLink, host: string, port: number, signal: AbortSignal): Promise<VerifiedAddress> {
    const address = addressOf(tcp)
    const key = `${host}:${port} ${address} ${this.#options.policyDigest(host)}`
    const forget = (): void => void this.#known.delete(key)
    const known = this.#known.get(key)
    if (known !== undefined) return { tcp, leafSha256: known, forget }
    const leafSha256 = await this.#wait(key, this.#probe(key, tcp, host, port), signal)
    return { tcp: await dial({ host: address, port }, this.#options.dial, signal), leafSha256, forget }
  }

  #probe(key: string, tcp: TcpLink, host: string, port: number): Probe {
    const underWay = this.#underWay.get(key)
    if (underWay !== undefined) {
      tcp.destroy() // by the time the verdict is there the origin may have closed it
      return underWay
    }
    const abort = new AbortController()
    const handshake = this.#options.startTls(tcp, { host, port }, abort.signal)
    const leaf = handshake
      .then(({ link, peer }) => {
        endGently(link)
        return this.#keep(key, peer)
      })
      .finally(() => this.#over(key, probe))
    const probe: Probe = { leaf, abort, waiting: 0 }
    this.#underWay.set(key, probe)
    return probe
  }

  async #wait(key: string, probe: Probe, signal: AbortSignal): Promise<string> {
    probe.waiting += 1
    try {
      return await unlessAborted(probe.leaf, signal)
    } finally {
      probe.waiting -= 1
      if (probe.waiting === 0) {
        this.#over(key, probe) // from here on nobody joins it
        probe.abort.abort() // reaches nothing when the handshake has ended
      }
    }
  }

  #over(key: string, probe: Probe): void {
    if (this.#underWay.get(key) === probe) this.#underWay.delete(key)
  }

  #keep(key: string, { evidence: { chain }, expiresAt = Number.POSITIVE_INFINITY }: VerifiedPeer): string {
    const leaf = chain[0]?.sha256 ?? ''
    const expiry = Math.min(...chain.map(({ x509 }) => Date.parse(x509.validTo)))
    const ttl = Math.floor(Math.min(this.#options.ttl(), expiry - Date.now(), expiresAt - Date.now()))
    if (ttl > 0) this.#known.set(key, leaf, { ttl })
    return leaf
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortReason(signal))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** The IP address at the other end, without brackets and port. */
export function addressOf(tcp: TcpLink): string {
  return tcp.remoteAddress.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}
