// Longer than 250 lines because what a connection is kept under, and what ends its use, are one concept.

import { isIP } from 'node:net'
import { hostOf, isSameOrigin } from '../base/authority.js'
import type { Current } from '../base/current.js'
import { ProxyError } from '../base/errors.js'
import { fieldValue } from '../base/fields.js'
import { lookedUp } from '../base/lookups.js'
import { Memo } from '../base/memo.js'
import type { OnFault } from '../base/timer.js'
import type { RequestHead } from '../http1/messages.js'
import { webSocketKey } from '../http2/extended-connect.js'
import type { IsRevoked } from '../tls/judge/revocation.js'
import type { RevocationLog } from '../tls/judge/revocation-log.js'
import { Acceptances } from './acceptances.js'
import { Coalescing, type OtherNames } from './coalescing.js'
import type { OriginConnection } from './connection.js'
import { bindsConnection, type ConnectionOwner } from './connection-login.js'
import { isAmong } from './denied-addresses.js'
import { NotNeeded } from './dial.js'
import { hasEndedSince } from './ended.js'
import { Http1 } from './http1.js'
import { Http2Exchange } from './http2-exchange.js'
import { Http2Session } from './http2-session.js'
import { Http2Sessions } from './http2-sessions.js'
import {
  type Kept,
  type Opened,
  type Opener,
  type OpeningOptions,
  type OriginTarget,
  openConnection,
  type RoutedTarget,
} from './open.js'
import type { Routes, WayQuestion } from './parents/routes.js'
import { ONLY_DIRECT, type Way, type Ways, wayKey } from './parents/way.js'
import { Pool, type PoolLimits } from './pool.js'
import { lacksHttp1, takesWebSockets, webSocketPlace } from './web-sockets.js'

export interface ConnectorOptions extends OpeningOptions {
  /** Through which parents requests go; without it they go through none. */
  readonly routes?: Current<Pick<Routes, 'waysFor'> | undefined>
  readonly pool: Current<PoolLimits>
  /** The digest of everything that shapes the verdict about this origin: a pooled connection never outlives it. */
  readonly policyDigest: (target: OriginTarget, way: Way) => string
  /** Lets connections of HTTP/2 serve other names than their own; undefined: each name has its own. */
  readonly otherNames?: Current<OtherNames | undefined>
  /** What was revoked lately. */
  readonly revocations: RevocationLog
  /** Told what the end of an idle connection has thrown. */
  readonly onFault: OnFault
}

/** What there was when a request began to wait. */
export interface WaitBegin {
  /** Revocations and reloads. */
  readonly changes: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** A key, and what it was made of. */
interface MadeKey {
  readonly target: OriginTarget
  readonly way: Way
  readonly digest: string
  readonly key: string
}

/**
 * Hands out connections on which a request may be sent: an idle one of the same key, or a new one. For https there is
 * none without a verified peer, and a rejection is final: nothing here tries twice.
 */
export class OriginConnector {
  readonly #options: ConnectorOptions
  readonly #pool: Pool
  /** Undefined before the first one. */
  #sessions: Http2Sessions | undefined
  readonly #acceptances: Acceptances
  /** By host: the key made last, because to make one costs more than to look for it. */
  readonly #keys = new Memo<string, MadeKey>(1000)
  #changes = 0
  readonly #coalescing: Coalescing

  constructor(options: ConnectorOptions) {
    this.#options = options
    this.#acceptances = new Acceptances(options.revocations)
    this.#pool = new Pool(options.pool, options.onFault)
    this.#coalescing = new Coalescing({
      names: options.otherNames ?? (() => undefined),
      dial: options.dial,
      sessions: () => this.#sessions,
      keyOf: target => this.keyOf(target),
      digestOf: target => options.policyDigest(target, target.ways[0]),
      usable: session => this.#usableForOthers(session),
    })
  }

  get idleConnections(): number {
    return this.#pool.size + (this.#sessions?.idle ?? 0)
  }

  /** How to get to an origin, unless that is decided. @param request called if there are rules, which may look at it */
  waysTo(target: OriginTarget, request: () => Pick<WayQuestion, 'method' | 'url' | 'client'>): Ways {
    const { scheme, host, port, dialHost, ways } = target
    if (ways !== undefined) return ways
    const routes = this.#options.routes?.()
    if (routes === undefined) return ONLY_DIRECT
    return routes.waysFor({ ...request(), scheme, host: dialHost ?? host, port }) // seldom: there are parents
  }

  /** What a connection is kept under. To be computed when the connection is asked for, not when it is given back. */
  keyOf(target: RoutedTarget): string {
    const { scheme, host, isAddress, port, dialHost } = target
    const [way] = target.ways
    const digest = this.#options.policyDigest(target, way)
    const made = this.#keys.get(host)
    if (made !== undefined && made.digest === digest && isSame(made, target, way)) return made.key
    const at = dialHost === undefined ? '' : ` at ${dialHost}`
    const key = `${scheme}://${host}:${port}${at}${wayKey(way)} ${digest}`
    this.#keys.set(host, { target: { scheme, host, isAddress, port, dialHost }, way, digest, key })
    return key
  }

  /** For connections of HTTP/2. */
  sessions(): Http2Sessions {
    this.#sessions ??= new Http2Sessions(this.#options.pool, session => this.#coalescing.onOver(session))
    return this.#sessions
  }

  /**
   * An idle connection, or a place on one of HTTP/2, the last choice being one that was opened for another name. It may
   * turn out to be closed by the origin just now.
   * @param network of the client that uses it
   * @param client the client of the request; undefined: there is none, so the connection must have no owner
   */
  reuse(
    key: string,
    network: string,
    client: ConnectionOwner | undefined,
    request?: RequestHead,
  ): OriginConnection | undefined {
    const sessions = this.#sessions
    const shared = sessions?.size ? this.#share(sessions, key, network, client, request) : undefined
    if (shared !== undefined) return lookedUp('connections', shared)
    for (;;) {
      const found = this.#pool.take(key, client)
      if (found === undefined) break
      if (this.#isReachable(found)) return lookedUp('connections', found)
      found.close()
    }
    const mayShare = sessions?.size && (request === undefined || !this.needsHttp1(request))
    return lookedUp('connections', mayShare ? this.#coalescing.reuse(key, network) : undefined)
  }

  /** A client that has logged in on a connection of HTTP/1.1 goes on there. */
  #share(
    sessions: Http2Sessions,
    key: string,
    network: string,
    client: ConnectionOwner | undefined,
    request: RequestHead | undefined,
  ): OriginConnection | undefined {
    if (client !== undefined && this.#pool.hasOwned(client, key)) return undefined
    const isForSome = request !== undefined && this.needsHttp1(request)
    if (isForSome && !this.#isWebSocket(request)) return undefined
    const mayServe = isForSome ? takesWebSockets : undefined
    for (;;) {
      const found = sessions.find(key, network, client, mayServe)
      if (found === undefined || this.#isReachable(found)) return found?.exchange()
      found.retire()
    }
  }

  /**
   * Whether HTTP/2 cannot carry a request: it asks for another protocol, or logs the connection in. A WebSocket has a
   * place on connections whose origin takes it there.
   */
  needsHttp1({ headers }: Pick<RequestHead, 'headers'>): boolean {
    return fieldValue(headers, 'upgrade') !== undefined || this.#logsIn(headers)
  }

  #logsIn(headers: readonly string[]): boolean {
    return this.#options.http1().hasPrivateLogins && bindsConnection(headers)
  }

  #isWebSocket(request: RequestHead): boolean {
    return webSocketKey(request) !== undefined && !this.#logsIn(request.headers)
  }

  /**
   * A new connection, or the first place on one; or a place on one that was opened for another name.
   * @throws {ProxyError} of the dial, of the TLS handshake, or the signal's reason
   */
  async open(target: RoutedTarget, signal: AbortSignal, by: Opener): Promise<OriginConnection> {
    const since = this.#acceptances.revocations // before anything is waited for
    const { upgrade, without } = by
    if (without !== undefined) return this.#openStream(target, signal, by, without)
    const isWebSocket = upgrade !== undefined && this.#isWebSocket(upgrade)
    if (isWebSocket && this.#sessions?.size) {
      const key = this.keyOf(target)
      await this.#sessions.settled(key, by.owner, signal)
      const place = this.#share(this.#sessions, key, by.network, by.owner, upgrade)
      if (place !== undefined) return place
    }
    const found: { place?: OriginConnection | undefined } = {}
    const isServed = (addresses: readonly string[]): boolean => {
      found.place = this.#coalescing.find(target, addresses, by.network)
      return found.place !== undefined
    }
    const mayShare = !by.needsHttp1 && (this.#sessions?.size ?? 0) > 0 && this.#coalescing.isOpenTo(target)
    const opener = mayShare ? { ...by, isServed } : by // seldom
    const opening = openConnection(this.#options, this, target, signal, opener)
    const made = await opening.catch((cause: unknown) => {
      if (found.place !== undefined && cause instanceof NotNeeded) return found.place
      found.place?.close()
      if (isWebSocket && lacksHttp1(cause)) return this.#openStream(target, signal, by, cause)
      throw cause
    })
    return 'connection' in made ? this.#keepNew(made, by.network, since) : made
  }

  /**
   * A place for a WebSocket at an origin without HTTP/1.1. A revocation, a reload or the end of the verdict may come while
   * its settings are awaited: it is then judged anew, once.
   * @param without how it has shown that
   */
  async #openStream(
    target: RoutedTarget,
    signal: AbortSignal,
    by: Opener,
    without: ProxyError,
  ): Promise<OriginConnection> {
    const opener = { ...by, needsHttp1: false } // seldom
    for (let attempts = 0; attempts < 2; attempts++) {
      const since = this.#acceptances.revocations
      const made = await openConnection(this.#options, this, target, signal, opener)
      const place = this.#keepNew(made, by.network, since)
      const { connection } = made
      if (!(connection instanceof Http2Session)) return place
      const begin = this.waitBegins()
      await webSocketPlace(place, connection, signal, without)
      if (this.mayCarry(place, target, begin)) return place
      place.close()
    }
    throw new ProxyError('PTC_ORIGIN_CLOSED', 'its acceptance has ended twice before the request was sent')
  }

  /** @param since how many revocations there were when it began to be opened */
  #keepNew(
    { connection, target, parent, key }: Opened & { readonly connection: Kept },
    network: string,
    since: number,
  ): OriginConnection {
    this.#acceptances.add(connection, { target, parent, key }, since)
    if (connection instanceof Http1) return connection
    const exchange = connection.exchange()
    if (this.#isCurrent(connection)) this.sessions().add(key, network, connection)
    else connection.retire()
    return exchange
  }

  /** A request begins to wait with its connection. For {@link mayCarry}. */
  waitBegins(): WaitBegin {
    return { changes: this.#changes, at: Date.now() }
  }

  /**
   * Whether a request that has waited with its connection may be sent there: its acceptance, and that of a parent, has not ended
   * meanwhile, and holds under the rules that are in force now. One that had ended before was given for this request alone.
   */
  mayCarry(connection: OriginConnection, target: RoutedTarget, begin: WaitBegin): boolean {
    const { peer } = connection.channel
    const kept = keptOf(connection)
    const parent = kept && this.#acceptances.of(kept)?.parent
    const ends = [peer, kept?.channel.peer, parent?.peer].map(accepted => accepted?.expiresAt)
    if (ends.some(endsAt => hasEndedSince(begin.at, endsAt))) return false
    if (begin.changes === this.#changes) return true
    if (connection.onMisdirected !== undefined) return this.#coalescing.serves(this.keyOf(target), peer)
    if (kept === undefined || this.#acceptances.areWithdrawn(kept)) return false
    return this.#hasKey(kept) && this.#isReachable(kept)
  }

  /** Whether an acceptance that a connection rests on, which was just opened for a request, was revoked before its opening had ended. */
  isWithdrawn(connection: OriginConnection, target: RoutedTarget): boolean {
    if (connection.onMisdirected !== undefined)
      return !this.#coalescing.serves(this.keyOf(target), connection.channel.peer)
    const kept = keptOf(connection)
    return kept === undefined || this.#acceptances.areWithdrawn(kept)
  }

  /**
   * Takes a connection back. One that is not idle is closed, and one whose policy has changed since, or whose acceptance
   * was revoked. One on which a client has logged in is kept for that client alone.
   * @param network of the client that used it
   */
  release(connection: OriginConnection, network: string): void {
    if (!(connection instanceof Http1)) return connection.close()
    const key = this.#acceptances.of(connection)?.key
    if (key !== undefined && connection.isIdle && this.#isCurrent(connection))
      this.#pool.put(key, connection, network)
    else connection.close()
  }

  /** Closes the idle connections. */
  closeIdle(): void {
    this.#pool.clear()
    this.#coalescing.forget()
    this.#sessions?.retire()
  }

  /**
   * After a reload: closes the idle connections that stand under a policy which is no longer that of their origin, those
   * whose address is denied or no longer that of the name, and those beyond the limits.
   */
  closeStale(): void {
    this.#changes += 1
    this.#pool.clear((_key, connection) => this.#isCurrent(connection) && this.#isReachable(connection))
    this.#pool.applyLimits()
    this.#coalescing.forget()
    this.#sessions?.retire((_key, session) => this.#isCurrent(session) && this.#isReachable(session))
    this.#sessions?.applyLimits()
  }

  /**
   * Closes the idle connections whose acceptance is revoked; those that are busy are examined when they come back, and those that
   * are not open yet before they get their request. Returns how many were closed.
   */
  revoke(isRevoked: IsRevoked): number {
    this.#changes += 1
    let count = this.#coalescing.revoke(isRevoked)
    const stays = (_key: string, connection: Kept): boolean => {
      const isGone = this.#acceptances.areRevoked(connection)
      if (isGone) count += 1
      return !isGone
    }
    this.#pool.clear(stays)
    this.#sessions?.retire(stays)
    return count
  }

  /** Whether a new connection could lead to the same address: it is not denied, and the name does not mean another one. */
  #isReachable(connection: Kept): boolean {
    const target = this.#acceptances.of(connection)?.target
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

  /** One that is older than a revocation serves its own name alone, whatever was revoked. */
  #usableForOthers(connection: Kept): Opened | undefined {
    const opened = this.#acceptances.of(connection)
    if (opened === undefined || connection.channel.revocations !== this.#acceptances.revocations)
      return undefined
    return this.#isCurrent(connection) && this.#isReachable(connection) ? opened : undefined
  }

  /** Whether it may be kept. The pool knows when the verdict about an origin ends, and not when that about a parent does. */
  #isCurrent(connection: Kept): boolean {
    if (!this.#hasKey(connection) || this.#acceptances.of(connection)?.parent?.peer.expiresAt !== undefined)
      return false
    return !this.#acceptances.areRevoked(connection)
  }

  /** Whether the rules are those under which it was judged. */
  #hasKey(connection: Kept): boolean {
    const opened = this.#acceptances.of(connection)
    return opened !== undefined && this.keyOf(opened.target) === opened.key
  }
}

/** What keeps a connection, or the place on it. */
function keptOf(connection: OriginConnection): Kept | undefined {
  const kept = connection instanceof Http2Exchange ? connection.session : connection
  return kept instanceof Http1 || kept instanceof Http2Session ? kept : undefined
}

const isSame = (made: MadeKey, target: OriginTarget, way: Way): boolean =>
  isSameOrigin(made.target, target) &&
  made.target.dialHost === target.dialHost &&
  (made.way === way ||
    (made.way.kind === 'parent' && way.kind === 'parent' && made.way.parent === way.parent))
