import { LRUCache } from 'lru-cache'
import type { Certificate } from '../api/certificate.js'
import { hostOf, originAuthority } from '../base/authority.js'
import type { Current } from '../base/current.js'
import { dnsNames } from '../tls/judge/evidence.js'
import { leafDigests } from '../tls/judge/leaf-digests.js'
import type { IsRevoked } from '../tls/judge/revocation.js'
import type { VerifiedPeer } from '../tls/judge/verdict.js'
import type { DialOptions } from './dial.js'
import type { Http2Exchange } from './http2-exchange.js'
import type { Http2Session } from './http2-session.js'
import type { Http2Sessions } from './http2-sessions.js'
import type { Opened, RoutedTarget } from './open.js'

/** Names beside its own that one connection serves. */
const MAX_NAMES = 64
/** For one request: chains that are judged, and connections with the name in their certificate that are examined. */
const MAX_JUDGED = 4
const MAX_EXAMINED = 16
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
  readonly dial: Current<Pick<DialOptions, 'names'>>
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
  /** By origin. Made for the first one, because it takes its whole memory at once. */
  #misdirected: LRUCache<string, true> | undefined

  constructor(parts: CoalescingParts) {
    this.#parts = parts
  }

  /** A place on a connection that has served this name before. @param network of the client */
  reuse(key: string, network: string): Http2Exchange | undefined {
    const use = this.#uses.get(key)
    if (use === undefined) return undefined
    const known = this.#parts.dial().names.known?.(use.target.host)
    // The opening of a connection resolves the name, and finds this one again: what was judged is kept.
    if (known === undefined) return undefined
    if (this.#holds(use, known)) return this.#place(use, network)
    this.#drop(key)
    return undefined
  }

  /**
   * A place on a connection that serves this name, or is found to serve it now. Undefined: the name needs a connection of
   * its own.
   * @param addresses that the name has now, and that may be dialled
   * @param network of the client
   */
  find(target: RoutedTarget, addresses: readonly string[], network: string): Http2Exchange | undefined {
    const key = this.#parts.keyOf(target)
    const use = this.#uses.get(key)
    if (use !== undefined && !this.#holds(use, addresses)) this.#drop(key)
    else if (use?.session.hasRoom) return this.#place(use, network)
    if (!this.isOpenTo(target)) return undefined
    let [examined, judged] = [0, 0]
    // Many connections may stand at one address: what costs least comes first, and the rest is bounded.
    for (const session of this.#parts.sessions()?.shared(addresses, target.port) ?? []) {
      if ((this.#keys.get(session)?.size ?? 0) >= MAX_NAMES || !hasName(session, target.host)) continue
      if (++examined > MAX_EXAMINED) return undefined
      if (!this.#canServe(session, target, addresses)) continue
      if (++judged > MAX_JUDGED) return undefined
      const peer = this.#parts.names()?.judge(session.channel.peer, target.host)
      if (peer !== undefined) return this.#place(this.#add(key, { session, target, peer }), network)
    }
    return undefined
  }

  /** Whether the acceptance of a name on a connection that was opened for another still holds there. */
  serves(key: string, peer: VerifiedPeer | undefined): boolean {
    const use = this.#uses.get(key)
    if (use === undefined || use.peer !== peer) return false
    return this.#holds(use, this.#parts.dial().names.known?.(use.target.host))
  }

  /** Whether a request for an origin may be sent on a connection that was opened for another. */
  isOpenTo(target: RoutedTarget): boolean {
    const { scheme, host, isAddress } = target
    if (scheme !== 'https' || isAddress || !isDirect(target)) return false
    if (this.#misdirected?.has(originAuthority(target))) return false
    return this.#parts.names()?.canBeJudged(host) === true
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

  /** Every condition, for one that was judged before. @param addresses undefined: not known now, so that only the others count */
  #holds({ session, target, peer }: Use, addresses: readonly string[] | undefined): boolean {
    const hasEnded = peer.expiresAt !== undefined && peer.expiresAt <= Date.now()
    return !hasEnded && this.#canServe(session, target, addresses)
  }

  /** Every condition but the chain. What excludes most comes first. */
  #canServe(session: Http2Session, target: RoutedTarget, addresses: readonly string[] | undefined): boolean {
    if (addresses?.includes(hostOf(session.channel.link.remoteAddress)) === false) return false
    if (session.owner !== undefined || !this.isOpenTo(target)) return false
    if (!session.originSet.allows(`https://${originAuthority(target)}`)) return false
    const opened = this.#parts.usable(session)
    if (opened === undefined || opened.parent !== undefined) return false
    const { scheme, port, isAddress } = opened.target
    // For an address no name was announced: the origin might have shown another certificate for one.
    if (scheme !== 'https' || isAddress || port !== target.port || !isDirect(opened.target)) return false
    return this.#parts.digestOf(opened.target) === this.#parts.digestOf(target)
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
      this.#misdirected ??= new LRUCache({ max: MAX_MISDIRECTED, ttl: MISDIRECTED_TIME })
      this.#misdirected.set(originAuthority(target), true)
      for (const [key, use] of [...this.#uses]) if (use.target.host === target.host) this.#drop(key)
    }
    return this.#parts.sessions()?.take(session, network)?.exchange({ peer, onMisdirected })
  }
}

const isDirect = ({ ways, dialHost }: RoutedTarget): boolean =>
  dialHost === undefined && ways.every(({ kind }) => kind === 'direct')

/** DNS names of leaves, in lower case. */
const namesOf = new WeakMap<Certificate, ReadonlySet<string>>()

/** Saves judging chains that are for other hosts: many names of strangers may share an address. */
function hasName({ channel }: Http2Session, host: string): boolean {
  const [leaf] = channel.peer.evidence.chain
  if (leaf === undefined) return false
  const known = namesOf.get(leaf) ?? new Set(dnsNames(leaf.der).map(name => name.toLowerCase()))
  namesOf.set(leaf, known)
  const name = host.endsWith('.') ? host.slice(0, -1) : host
  return known.has(name) || known.has(`*${name.slice(Math.max(name.indexOf('.'), 0))}`)
}
