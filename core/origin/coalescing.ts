import { LRUCache } from 'lru-cache'
import { hostOf, originAuthority } from '../base/authority.js'
import type { Current } from '../base/current.js'
import type { FairQueue } from '../base/fair-queue.js'
import { type IsRevoked, leafDigests } from '../tls/judge/revocation.js'
import type { VerifiedPeer } from '../tls/judge/verdict.js'
import { isAmong } from './denied-addresses.js'
import { abortReason, addressesOf, type DialOptions } from './dial.js'
import type { Http2Exchange } from './http2-exchange.js'
import type { Http2Session } from './http2-session.js'
import type { Http2Sessions } from './http2-sessions.js'
import type { Opened, Opener, RoutedTarget } from './open.js'

/** Names beside its own that one connection serves. */
const MAX_NAMES = 64
/** Chains that are judged for one request. */
const MAX_JUDGED = 4
/** Origins that have answered 421, and for how long each gets connections of its own, in milliseconds. */
const MAX_MISDIRECTED = 10_000
const MISDIRECTED_TIME = 600_000

/** How the origin of a connection is judged for another name. */
export interface OtherNames {
  /** Whether a new connection for this name could bring nothing to light but chain and name. */
  readonly canBeJudged: (host: string) => boolean
  /** @returns undefined: it is not accepted */
  readonly judge: (peer: VerifiedPeer, host: string) => VerifiedPeer | undefined
}

/** What coalescing needs of the connector. */
export interface CoalescingParts {
  /** Undefined: off. */
  readonly names: Current<OtherNames | undefined>
  readonly dial: Current<DialOptions>
  readonly queue: FairQueue | undefined
  readonly sessions: () => Http2Sessions | undefined
  readonly keyOf: (target: RoutedTarget) => string
  readonly digestOf: (target: RoutedTarget) => string
  /**
   * What a connection was opened for; undefined: a new request must not take it, because of its policy, its address or its
   * acceptance, or something was revoked since it was opened.
   */
  readonly usable: (session: Http2Session) => Opened | undefined
}

/** One connection that serves one more name. */
interface Use {
  readonly session: Http2Session
  readonly target: RoutedTarget
  readonly peer: VerifiedPeer
}

/**
 * Requests for one name on connections of HTTP/2 that were opened for another (RFC 9113 section 9.1.1). docs/http.md has
 * the conditions. All of them are looked at for each request, except the chain: that is judged once for each name and
 * connection. Every condition that does not hold leads to a connection of its own.
 */
export class Coalescing {
  readonly #parts: CoalescingParts
  /** By the key of a connection of its own. */
  readonly #uses = new Map<string, Use>()
  readonly #keys = new Map<Http2Session, Set<string>>()
  /** By origin. */
  readonly #misdirected = new LRUCache<string, true>({ max: MAX_MISDIRECTED, ttl: MISDIRECTED_TIME })

  constructor(parts: CoalescingParts) {
    this.#parts = parts
  }

  /** A place on a connection that has served this name before. @param network of the client */
  reuse(key: string, network: string): Http2Exchange | undefined {
    const use = this.#uses.get(key)
    if (use === undefined) return undefined
    const { session, target, peer } = use
    const known = this.#parts.dial().names.known?.(target.host)
    const hasEnded = peer.expiresAt !== undefined && peer.expiresAt <= Date.now()
    if (hasEnded || !this.#canServe(session, target, known ?? [])) {
      this.#drop(key)
      return undefined
    }
    return this.#place(use, network)
  }

  /**
   * A place on a connection that serves this name now, or that can be found to serve it. Undefined: the request needs a
   * connection of its own.
   * @throws {ProxyError} the signal's reason, PTC_OVERLOADED
   */
  async find(
    target: RoutedTarget,
    signal: AbortSignal,
    { network, needsHttp1 = false }: Opener,
  ): Promise<Http2Exchange | undefined> {
    if (needsHttp1 || !this.#isOpenTo(target) || (this.#parts.sessions()?.size ?? 0) === 0) return undefined
    const { host, port } = target
    // A name without addresses is reported by the connection of its own.
    const found = await addressesOf({ host, port, client: network }, this.#parts.dial(), signal).catch(
      () => [],
    )
    const addresses = found.map(({ address }) => address)
    const { queue } = this.#parts
    const find = async (): Promise<Http2Exchange | undefined> => this.#find(target, addresses, network)
    if (signal.aborted) throw abortReason(signal)
    const place = await (queue === undefined ? find() : queue.turn({ network, host }, 0, find))
    if (!signal.aborted) return place
    place?.close()
    throw abortReason(signal)
  }

  /** A reload: every chain is judged again. */
  forget(): void {
    this.#uses.clear()
    this.#keys.clear()
  }

  /** Connections that stay serve their own names alone from here on. Returns how many of the others were revoked. */
  revoke(isRevoked: IsRevoked): number {
    const gone = [...this.#uses.values()].filter(({ target, peer }) =>
      isRevoked(target.host, () => leafDigests(peer.evidence)),
    )
    this.forget()
    return gone.length
  }

  /** A connection takes no further request. */
  onOver(session: Http2Session): void {
    for (const key of this.#keys.get(session) ?? []) this.#uses.delete(key)
    this.#keys.delete(session)
  }

  /** Whether an origin may be served on a connection that was opened for another. */
  #isOpenTo(target: RoutedTarget): boolean {
    const { scheme, host, isAddress, dialHost, ways } = target
    const isDirect = ways.every(({ kind }) => kind === 'direct') && dialHost === undefined
    if (scheme !== 'https' || isAddress || !isDirect || this.#misdirected.has(originAuthority(target)))
      return false
    return this.#parts.names()?.canBeJudged(host) === true
  }

  /** Every condition but the chain. @param addresses that the name has now, and that may be dialled */
  #canServe(session: Http2Session, target: RoutedTarget, addresses: readonly string[]): boolean {
    const address = hostOf(session.channel.link.remoteAddress)
    // The zone of a link-local address is not compared.
    if (session.owner !== undefined || address.includes('%') || !isAmong(address, addresses)) return false
    if (!session.originSet.allows(`https://${originAuthority(target)}`) || !this.#isOpenTo(target))
      return false
    const opened = this.#parts.usable(session)
    if (opened === undefined || opened.parent !== undefined) return false
    const { scheme, port, dialHost, ways } = opened.target
    const isDirect = ways.every(({ kind }) => kind === 'direct') && dialHost === undefined
    return (
      scheme === 'https' &&
      port === target.port &&
      isDirect &&
      this.#parts.digestOf(opened.target) === this.#parts.digestOf(target)
    )
  }

  #find(target: RoutedTarget, addresses: readonly string[], network: string): Http2Exchange | undefined {
    const key = this.#parts.keyOf(target)
    const known = this.#uses.get(key)
    const use = known !== undefined && this.#canServe(known.session, target, addresses) ? known : undefined
    if (use?.session.hasRoom) return this.#place(use, network)
    let judged = 0
    for (const session of this.#parts.sessions()?.shared() ?? []) {
      if (!this.#canServe(session, target, addresses) || !this.#hasName(session, target.host)) continue
      if ((this.#keys.get(session)?.size ?? 0) >= MAX_NAMES) continue
      if (++judged > MAX_JUDGED) return undefined
      const peer = this.#parts.names()?.judge(session.channel.peer, target.host)
      if (peer !== undefined) return this.#place(this.#add(key, { session, target, peer }), network)
    }
    return undefined
  }

  /** Saves judging chains that are for others: many names of strangers may share an address. */
  #hasName({ channel }: Http2Session, host: string): boolean {
    const leaf = channel.peer.evidence.chain[0]
    return leaf?.x509.checkHost(host, { subject: 'never' }) !== undefined
  }

  #add(key: string, use: Use): Use {
    this.#drop(key)
    this.#uses.set(key, use)
    const keys = this.#keys.get(use.session) ?? new Set()
    this.#keys.set(use.session, keys.add(key))
    return use
  }

  #drop(key: string): void {
    const use = this.#uses.get(key)
    if (use === undefined) return
    this.#uses.delete(key)
    const keys = this.#keys.get(use.session)
    keys?.delete(key)
    if (keys?.size === 0) this.#keys.delete(use.session)
  }

  #place({ session, target, peer }: Use, network: string): Http2Exchange | undefined {
    const onMisdirected = (): void => {
      this.#misdirected.set(originAuthority(target), true)
      for (const [key, use] of [...this.#uses]) if (use.target.host === target.host) this.#drop(key)
    }
    return this.#parts.sessions()?.take(session, network)?.exchange({ peer, onMisdirected })
  }
}
