/** How a connection to an origin is opened: reached, shown to plugins, judged, and given its version of HTTP. */
import type { Asking } from '../api/asking.js'
import type { VConn } from '../api/vconn.js'
import { type Origin, originAuthority } from '../base/authority.js'
import type { Current } from '../base/current.js'
import { ProxyError } from '../base/errors.js'
import type { FairQueue } from '../base/fair-queue.js'
import type { RequestHead } from '../http1/messages.js'
import type { Accepted, StartTls } from '../tls/outbound/start-tls.js'
import type { OriginLink } from '../vconn/origin-link.js'
import type { ClientEnds } from '../vconn/proxy-protocol.js'
import { plainOrigin } from './connection.js'
import { ConnectionOwner } from './connection-login.js'
import { abortReason } from './dial.js'
import { Http1, type Http1Options } from './http1.js'
import { type Http2Options, Http2Session, type SessionOwner } from './http2-session.js'
import { absoluteForm } from './parents/http-connect.js'
import { again, type ReachOptions, reach } from './parents/reach.js'
import { placeOf, type Ways } from './parents/way.js'

/** Which origin a request is for. */
export interface OriginTarget extends Origin {
  /** The host to connect to, if it is not `host`: the target of a CONNECT that has TLS for `host` inside. */
  readonly dialHost?: string | undefined
  /** The ways to the origin, if they are decided: inside a CONNECT, those of the CONNECT. */
  readonly ways?: Ways | undefined
}

/** An origin, and how to get there. */
export interface RoutedTarget extends OriginTarget {
  readonly ways: Ways
}

export interface OpeningOptions {
  readonly dial: Current<ReachOptions>
  readonly http1: Current<Http1Options>
  readonly http2: Current<Http2Options>
  /** When the processor is busy with handshakes, new ones wait here for a slot. */
  readonly queue?: FairQueue
  /** Has the origin judged. Owns the connection (its VConn, its hooks, its end) from the moment it is called. */
  readonly startTls: StartTls
  /**
   * Gives a plain connection its VConn before the first byte is sent; it may take time, and end with the connection
   * closed and a {@link ProxyError}.
   */
  readonly startPlain?: (tcp: OriginLink, target: OriginTarget, signal: AbortSignal) => VConn | Promise<VConn>
}

/** The client that a connection is opened for. */
export interface Opener {
  /** Network of the client; the opening takes a slot of it. */
  readonly network: string
  /** The client and its request, for plugins. */
  readonly asking?: Asking | undefined
  /** The client's connection, for the PROXY protocol. */
  readonly from?: ClientEnds | undefined
  /** The client's connection. Without it, an origin accepted for this client alone is not kept. */
  readonly owner?: ConnectionOwner | undefined
  /** HTTP/2 cannot carry the request. */
  readonly needsHttp1?: boolean
  /** Ends the opening with {@link import('./dial.js').NotNeeded} if true; as {@link import('./dial.js').Address} has it. */
  readonly isServed?: ((addresses: readonly string[]) => boolean) | undefined
  /** A request for another protocol, which may have a place on a connection of HTTP/2 that is just being opened. */
  readonly upgrade?: RequestHead | undefined
  /** How the origin has failed in HTTP/1.1: only a stream will do. */
  readonly without?: ProxyError | undefined
}

/** Keeps connections that were opened. */
export interface Keeper {
  keyOf(target: RoutedTarget): string
  sessions(): SessionOwner
}

/** A connection that stays open between requests. */
export type Kept = Http1 | Http2Session

/** What a connection was opened for, and under which key it was judged. */
export interface Opened {
  readonly target: RoutedTarget
  /** Its parent, if that is reached by https. */
  readonly parent: Accepted | undefined
  readonly key: string
}

/** The owner of a connection that the pool does not keep. */
const NOT_KEPT = new ConnectionOwner(() => {})
NOT_KEPT.end()

/**
 * A new connection. Nothing is tried twice.
 * @throws {ProxyError} of the dial, of the TLS handshake, or the signal's reason; NotNeeded
 */
export async function openConnection(
  { dial: options, http1, http2, startTls, startPlain, queue }: OpeningOptions,
  keeper: Keeper,
  target: RoutedTarget,
  signal: AbortSignal,
  { network: client, asking, from, owner = NOT_KEPT, needsHttp1 = false, isServed }: Opener,
): Promise<Opened & { readonly connection: Kept }> {
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
    isServed,
  }
  const inSlot = (begin: () => Promise<OriginLink>): Promise<OriginLink> =>
    queue === undefined || scheme === 'http' ? begin() : queue.begin({ network: client, host }, 0, begin)
  const tcp = await inSlot(() => reach(to, options(), signal))
  const { way } = placeOf(tcp)
  /** Another one where plugins took longer than the first stood. */
  let last = tcp
  // A connection that announces a client is of no use to another one.
  const { header = 'none' } = options()
  const isForOne = (): boolean => header !== 'none' || placeOf(last).parent?.peer.isForClient === true
  try {
    // As it is now: a reload may change the policy while the handshake is parked.
    const routed: RoutedTarget = {
      scheme,
      host,
      isAddress: target.isAddress,
      port,
      dialHost: target.dialHost,
      ways: [way],
    }
    const key = keeper.keyOf(routed)
    const opened = (): Opened => ({ target: routed, key, parent: placeOf(last).parent })
    if (scheme === 'http') {
      const start = startPlain?.(tcp, target, signal)
      const vconn = start instanceof Promise ? await start : start
      if (signal.aborted) throw abortReason(signal)
      const plain = plainOrigin(tcp, vconn, { scheme }, absoluteForm(way, originAuthority(target)))
      return { connection: new Http1(plain, http1, isForOne() ? owner : undefined), ...opened() }
    }
    const anew = again(tcp, to, options, signal)
    const redial = async (): Promise<OriginLink> => {
      last = await inSlot(anew)
      return last
    }
    const tls = { host, port, since, client, asking, redial, speaksHttp2: !needsHttp1 }
    const origin = await startTls(tcp, tls, signal)
    const acceptedFor = origin.peer.isForClient || isForOne() ? owner : undefined
    if (signal.aborted) {
      origin.link.destroy()
      throw abortReason(signal)
    }
    if (origin.protocol !== 'h2') return { connection: new Http1(origin, http1, acceptedFor), ...opened() }
    return { connection: new Http2Session(origin, http2, keeper.sessions(), acceptedFor), ...opened() }
  } catch (error) {
    // startTls has closed the connection: an alert may still be on its way
    if (scheme === 'http' || !(error instanceof ProxyError)) tcp.destroy()
    if (error instanceof ProxyError) throw error
    throw new ProxyError('PTC_INTERNAL', 'the connection could not be set up', { cause: error })
  }
}
