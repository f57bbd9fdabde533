// Longer than 250 lines because how a connection is opened, and what ends its use, are one concept.
import { isIP } from 'node:net'
import type { Asking } from '../api/asking.js'
import type { VConn } from '../api/vconn.js'
import { hostOf, type Origin, originAuthority } from '../base/authority.js'
import type { Current } from '../base/current.js'
import { ProxyError } from '../base/errors.js'
import type { FairQueue } from '../base/fair-queue.js'
import { fieldValue } from '../base/fields.js'
import type { OnFault } from '../base/timer.js'
import type { RequestHead } from '../http1/messages.js'
import { type IsRevoked, leafDigests } from '../tls/judge/revocation.js'
import type { StartTls } from '../tls/outbound/start-tls.js'
import type { OriginLink } from '../vconn/origin-link.js'
import type { ClientEnds } from '../vconn/proxy-protocol.js'
import { plainOrigin } from './channel.js'
import type { OriginConnection } from './connection.js'
import { bindsConnection, ConnectionOwner } from './connection-login.js'
import { isAmong } from './denied-addresses.js'
import { abortReason } from './dial.js'
import { Http1, type Http1Options } from './http1.js'
import { type Http2Options, Http2Session } from './http2-session.js'
import { Http2Sessions } from './http2-sessions.js'
import { absoluteForm } from './parents/absolute-form.js'
import { again, type ReachOptions, reach } from './parents/reach.js'
import type { WayQuestion } from './parents/routes.js'
import {
  type AcceptedParent,
  acceptedParent,
  ONLY_DIRECT,
  placeOf,
  type Way,
  type Ways,
} from './parents/way.js'
import { Pool, type PoolLimits } from './pool.js'
import { PoolKeys } from './pool-keys.js'

/** Which origin a request is for. */
export interface OriginTarget extends Origin {
  /** Where to connect when that is not what `host` resolves to: the target of a CONNECT whose TLS is for `host`. */
  readonly dialHost?: string
  /** How to get there when that is decided already: inside a CONNECT, what was decided for it. */
  readonly ways?: Ways
}

/** An origin, and how to get there. */
export interface RoutedTarget extends OriginTarget {
  readonly ways: Ways
}

export interface ConnectorOptions {
  readonly dial: Current<ReachOptions>
  /** Through which parents requests go; without it they go through none. */
  readonly waysFor?: (question: WayQuestion) => Ways
  readonly pool: Current<PoolLimits>
  readonly http1: Current<Http1Options>
  readonly http2: Current<Http2Options>
  /** When the processor is busy with handshakes, new ones wait here for their turn. */
  readonly queue?: FairQueue
  /** Has the origin judged. Owns the connection (its VConn, its hooks, its end) from the moment it is called. */
  readonly startTls: StartTls
  /**
   * Gives a plain connection its VConn before the first byte is sent; it may take time, and end with the connection
   * closed and a {@link ProxyError}.
   */
  readonly startPlain?: (tcp: OriginLink, target: OriginTarget, signal: AbortSignal) => VConn | Promise<VConn>
  /** The digest of everything that shapes the verdict about this origin: a pooled connection never outlives it. */
  readonly policyDigest: (target: OriginTarget, way: Way) => string
  /** Told what the end of an idle connection has thrown. */
  readonly onFault: OnFault
}

/** The client that a connection is opened for. */
export interface Opener {
  /** Network of the client, whose turn it takes. */
  readonly network: string
  /** The client and its request, for plugins. */
  readonly asking?: Asking | undefined
  /** The client's connection, for the PROXY protocol. */
  readonly from?: ClientEnds | undefined
  /** The client's connection, for what is accepted for this client alone; without it that is not kept. */
  readonly owner?: ConnectionOwner | undefined
  /** HTTP/2 cannot carry the request. */
  readonly needsHttp1?: boolean
}

/** Whose connection the pool does not keep. */
const NOT_KEPT = new ConnectionOwner(() => {})
NOT_KEPT.end()

/** What stays open between requests. */
type Kept = Http1 | Http2Session

/** What a connection was opened for, under which key it was judged, and how many revocations there were before. */
interface Opened {
  readonly target: RoutedTarget
  /** What was accepted of its parent, and the parent's host. */
  readonly parent: AcceptedParent | undefined
  readonly key: string
  readonly revocations: number
}

/**
 * Hands out connections on which a request may be sent: an idle one of the same key, or a new one. For https there is
 * none without a verified peer, and a rejection is final: nothing here tries twice.
 */
export class OriginConnector {
  readonly #options: ConnectorOptions
  readonly #pool: Pool
  readonly #sessions: Http2Sessions
  readonly #opened = new WeakMap<Kept, Opened>()
  readonly #keys = new PoolKeys()
  #revocations = 0

  constructor(options: ConnectorOptions) {
    this.#options = options
    this.#pool = new Pool(options.pool, options.onFault)
    this.#sessions = new Http2Sessions(options.pool)
  }

  get idleConnections(): number {
    return this.#pool.size + this.#sessions.idle
  }

  /** Decides how to get to an origin, unless that is decided. */
  route(target: OriginTarget, question: Pick<WayQuestion, 'method' | 'url' | 'client'>): RoutedTarget {
    const { scheme, host, port, dialHost, ways } = target
    if (ways !== undefined) return { ...target, ways }
    const found = this.#options.waysFor?.({ ...question, scheme, host: dialHost ?? host, port })
    return { ...target, ways: found ?? ONLY_DIRECT }
  }

  /** What a connection is kept under. To be computed when the connection is asked for, not when it is given back. */
  keyOf(target: RoutedTarget): string {
    const [way] = target.ways
    return this.#keys.of(target, way, this.#options.policyDigest(target, way))
  }

  /**
   * An idle connection, or a place on one of HTTP/2. It may turn out to be closed by the origin just now.
   * @param network of the client that uses it
   * @param client the client of the request; undefined: there is none, so the connection must have no owner
   */
  reuse(
    key: string,
    network: string,
    client: ConnectionOwner | undefined,
    request?: Pick<RequestHead, 'headers'>,
  ): OriginConnection | undefined {
    const shared = this.#sessions.size === 0 ? undefined : this.#share(key, network, client, request)
    if (shared !== undefined) return shared
    for (;;) {
      const found = this.#pool.take(key, client)
      if (found === undefined || this.#isReachable(found)) return found
      found.close()
    }
  }

  /** A client that has logged in on a connection of HTTP/1.1 goes on there. */
  #share(
    key: string,
    network: string,
    client: ConnectionOwner | undefined,
    request: Pick<RequestHead, 'headers'> | undefined,
  ): OriginConnection | undefined {
    if (client !== undefined && this.#pool.hasOwned(client, key)) return undefined
    if (request !== undefined && this.needsHttp1(request)) return undefined
    for (;;) {
      const found = this.#sessions.find(key, network, client)
      if (found === undefined || this.#isReachable(found)) return found?.exchange()
      found.retire()
    }
  }

  /** Whether HTTP/2 cannot carry a request: it asks for another protocol, or logs the connection in. */
  needsHttp1({ headers }: Pick<RequestHead, 'headers'>): boolean {
    if (fieldValue(headers, 'upgrade') !== undefined) return true
    return this.#options.http1().hasPrivateLogins && bindsConnection(headers)
  }

  /**
   * A new connection, or the first place on one.
   * @throws {ProxyError} of the dial, of the TLS handshake, or the signal's reason
   */
  async open(target: RoutedTarget, signal: AbortSignal, by: Opener): Promise<OriginConnection> {
    const revocations = this.#revocations
    const { connection, ...opened } = await this.#open(target, signal, by)
    this.#opened.set(connection, { ...opened, revocations })
    if (connection instanceof Http1) return connection
    const exchange = connection.exchange()
    if (this.#isCurrent(connection)) this.#sessions.add(opened.key, by.network, connection)
    else connection.retire()
    return exchange
  }

  async #open(
    target: RoutedTarget,
    signal: AbortSignal,
    { network: client, asking, from, owner = NOT_KEPT, needsHttp1 = false }: Opener,
  ): Promise<Omit<Opened, 'revocations'> & { readonly connection: Kept }> {
    const { dial: options, http1, http2, startTls, startPlain, queue } = this.#options
    const since = performance.now()
    const { scheme, host, port, dialHost = host, ways } = target
    const to = {
      host: dialHost,
      port,
      name: host,
      client,
      asking,
      from,
      ways,
      isForwarded: scheme === 'http',
    }
    const inTurn = (begin: () => Promise<OriginLink>): Promise<OriginLink> =>
      queue === undefined || scheme === 'http' ? begin() : queue.turn({ network: client, host }, 0, begin)
    const tcp = await inTurn(() => reach(to, options(), signal))
    const place = placeOf(tcp)
    const { way } = place
    const parent = acceptedParent(place)
    // A connection that announces a client is of no use to another one.
    const { header = 'none' } = options()
    const isForOne = header !== 'none' || parent?.peer.isForClient === true
    try {
      // As it is now: a reload may change the policy while the handshake is parked.
      const routed: RoutedTarget = { ...target, ways: [way] }
      const opened = { target: routed, key: this.keyOf(routed), parent }
      if (scheme === 'http') {
        const start = startPlain?.(tcp, target, signal)
        const vconn = start instanceof Promise ? await start : start
        if (signal.aborted) throw abortReason(signal)
        const plain = plainOrigin(tcp, vconn, { scheme }, absoluteForm(way, originAuthority(target)))
        return {
          connection: new Http1(plain, http1, isForOne ? owner : undefined),
          ...opened,
        }
      }
      const anew = again(tcp, to, options, signal)
      const redial = (): Promise<OriginLink> => inTurn(anew)
      const tls = { host, port, since, client, asking, redial, speaksHttp2: !needsHttp1 }
      const origin = await startTls(tcp, tls, signal)
      const acceptedFor = origin.peer.isForClient || isForOne ? owner : undefined
      if (signal.aborted) {
        origin.link.destroy()
        throw abortReason(signal)
      }
      if (origin.protocol !== 'h2') return { connection: new Http1(origin, http1, acceptedFor), ...opened }
      return { connection: new Http2Session(origin, http2, this.#sessions, acceptedFor), ...opened }
    } catch (error) {
      // startTls has closed the connection: an alert may still be on its way
      if (scheme === 'http' || !(error instanceof ProxyError)) tcp.destroy()
      if (error instanceof ProxyError) throw error
      throw new ProxyError('PTC_INTERNAL', 'the connection could not be set up', { cause: error })
    }
  }

  /**
   * Takes a connection back. One that is not idle is closed, and one whose policy has changed since, or whose acceptance
   * may have been revoked. One on which a client has logged in is kept for that client alone.
   * @param network of the client that used it
   */
  release(connection: OriginConnection, network: string): void {
    if (!(connection instanceof Http1)) return connection.close()
    const key = this.#opened.get(connection)?.key
    if (key !== undefined && connection.isIdle && this.#isCurrent(connection))
      this.#pool.put(key, connection, network)
    else connection.close()
  }

  /** Closes the idle connections. */
  closeIdle(): void {
    this.#pool.clear()
    this.#sessions.retire()
  }

  /**
   * After a reload: closes the idle connections that stand under a policy which is no longer that of their origin, those
   * whose address is denied or no longer that of the name, and those beyond the limits.
   */
  closeStale(): void {
    this.#pool.clear((_key, connection) => this.#isCurrent(connection) && this.#isReachable(connection))
    this.#pool.applyLimits()
    this.#sessions.retire((_key, session) => this.#isCurrent(session) && this.#isReachable(session))
    this.#sessions.applyLimits()
  }

  /**
   * Closes the idle connections whose acceptance is revoked; those that are busy, or not open yet, are not kept when they
   * come back. Returns how many were closed.
   */
  revoke(isRevoked: IsRevoked): number {
    this.#revocations += 1
    let count = 0
    const stays = (_key: string, connection: Kept): boolean => {
      const accepted = this.#acceptancesOf(connection)
      if (accepted.length === 0) return true
      const isGone = accepted.some(({ host, peer }) => isRevoked(host, () => leafDigests(peer.evidence)))
      if (isGone) count += 1
      else this.#keep(connection)
      return !isGone
    }
    this.#pool.clear(stays)
    this.#sessions.retire(stays)
    return count
  }

  /** What it rests on: of its origin, and of an https parent on the way. */
  #acceptancesOf(connection: Kept): readonly AcceptedParent[] {
    const opened = this.#opened.get(connection)
    const { peer } = connection.channel
    if (opened === undefined) return []
    const ofOrigin = peer === undefined ? [] : [{ host: opened.target.host, peer }]
    return opened.parent === undefined ? ofOrigin : [...ofOrigin, opened.parent]
  }

  /** It has been looked at, and is not about what was revoked. */
  #keep(connection: Kept): void {
    const opened = this.#opened.get(connection)
    if (opened !== undefined) this.#opened.set(connection, { ...opened, revocations: this.#revocations })
  }

  /** Whether a new connection could lead to the same address: it is not denied, and the name does not mean another one. */
  #isReachable(connection: Kept): boolean {
    const target = this.#opened.get(connection)?.target
    if (target === undefined) return false
    const { isDenied, names } = this.#options.dial()
    // What a name means behind a parent is not known here.
    if (target.ways[0].kind === 'parent') return isDenied?.(target.dialHost ?? target.host) !== true
    const address = hostOf(connection.channel.link.remoteAddress)
    if (isDenied?.(address) === true) return false
    const host = target.dialHost ?? target.host
    const known = isIP(host) === 0 ? names.known?.(host) : undefined
    return known === undefined || known.length === 0 || isAmong(address, known)
  }

  #isCurrent(connection: Kept): boolean {
    const opened = this.#opened.get(connection)
    if (opened === undefined || this.keyOf(opened.target) !== opened.key) return false
    // The pool knows when the verdict about an origin ends, and not when that about a parent does.
    if (opened.parent?.peer.expiresAt !== undefined) return false
    const isJudged = opened.target.scheme === 'https' || opened.parent !== undefined
    return !isJudged || opened.revocations === this.#revocations
  }
}
