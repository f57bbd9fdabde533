import { isIP } from 'node:net'
import type { Asking } from '../../api/asking.js'
import { type ErrorCode, ProxyError } from '../../base/errors.js'
import { areWithdrawn, type RevocationLog, withdrawn } from '../../tls/judge/revocation-log.js'
import type { Accepted, StartTls } from '../../tls/outbound/start-tls.js'
import type { Link } from '../../vconn/link.js'
import { type OriginLink, RelayedLink } from '../../vconn/origin-link.js'
import { type ClientEnds, headerFor, type OutboundHeader } from '../../vconn/proxy-protocol.js'
import type { TcpLink } from '../../vconn/tcp-link.js'
import { type Address, addressesOf, type DialOptions, dial, ownError } from '../dial.js'
import { negotiate } from './dialogue.js'
import { connectDialogue } from './http-connect.js'
import { socksDialogue } from './socks5.js'
import { type Parent, parentText, placeOf, setPlace, type Way, type Ways } from './way.js'

/** How parents are connected to. */
export interface ParentOptions {
  /** Milliseconds to connect to a parent, and as many for its answer. */
  readonly connectTimeout: number
  /** Whether names are resolved here, so that a parent is asked for an address. */
  readonly resolvesHere: boolean
  /** Whether some addresses are denied: the address of a name must then be known before a parent is asked. */
  readonly needsAddress: boolean
  /** This proxy's entry in Via. */
  readonly via: string | undefined
  /** Has the certificate of an https parent judged, as that of an origin. */
  readonly startTls: StartTls
  /** What was revoked lately. */
  readonly revocations?: RevocationLog
  /** Called when no connection to this parent could be made. */
  readonly failed: (parent: Parent) => void
  /** Called when a connection to this parent was made. */
  readonly reached: (parent: Parent) => void
}

export interface ReachOptions extends DialOptions {
  /** Absent where there are no parents. */
  readonly parents?: ParentOptions
  /** Which header of the PROXY protocol announces the client; without it none is sent. */
  readonly header?: OutboundHeader
}

/** A place that may lie behind another proxy. */
export interface Destination extends Address {
  readonly ways: Ways
  /** The client's connection, for the PROXY protocol; without one the proxy speaks for itself. */
  readonly from?: ClientEnds | undefined
  /** The client and its request, for plugins that are asked about a parent. */
  readonly asking?: Asking | undefined
  /** Whether the parent is sent requests in absolute form, and no CONNECT. */
  readonly isForwarded?: boolean
}

/**
 * Connects to an origin by the first way that can be used. Only a parent that cannot be used is passed over: what it says
 * about the origin is final, and so is a verdict about its certificate.
 * @throws {ProxyError} of `dial`, PTC_PARENT_*, of a TLS handshake, or the signal's reason
 */
export async function reach(
  to: Destination,
  options: ReachOptions,
  signal: AbortSignal,
): Promise<OriginLink> {
  for (const [i, way] of to.ways.entries()) {
    try {
      return await by(way, to, options, signal)
    } catch (cause) {
      const isUsable = !(cause instanceof ProxyError) || !UNUSABLE.has(cause.code)
      if (isUsable || signal.aborted || i === to.ways.length - 1) throw cause
    }
  }
  throw new ProxyError('PTC_INTERNAL', 'no way leads to an origin')
}

/** Codes of a parent that has not answered a request at all. */
const UNUSABLE: ReadonlySet<ErrorCode> = new Set(['PTC_PARENT_UNREACHABLE', 'PTC_PARENT_CLOSED'])

async function by(
  way: Way,
  to: Destination,
  options: ReachOptions,
  signal: AbortSignal,
): Promise<OriginLink> {
  const header = headerFor(options.header ?? 'none', to.from)
  const announced = (tcp: TcpLink): TcpLink => {
    if (header !== undefined) tcp.write(header)
    return tcp
  }
  if (way.kind === 'direct') return announced(await dial(to, options, signal))
  const { parents } = options
  if (parents === undefined)
    throw new ProxyError('PTC_INTERNAL', 'a way through a parent where there are none')
  const { parent } = way
  const host = await askedFor(to, options, parents, signal)
  const connect = async (): Promise<TcpLink> =>
    announced(await dialParent(parent, to.client, options, parents, signal))
  const { link, accepted } = await through(connect, host, to, parent, parents, signal)
  setPlace(link, { host, way, parent: accepted })
  return link
}

/** The name or the address that the parent is asked for. */
async function askedFor(
  to: Destination,
  options: ReachOptions,
  { needsAddress, resolvesHere }: ParentOptions,
  signal: AbortSignal,
): Promise<string> {
  const { host, port, isForwarded = false } = to
  const { names, isOwn } = options
  // The parent may stand on this machine: names such as localhost lead it to the proxy's own ports.
  const known = isIP(host) === 0 ? (names.known?.(host) ?? []) : []
  if (known.some(address => isOwn?.(address, port))) throw ownError(to)
  if (isIP(host) !== 0) await addressesOf(to, options, signal)
  else if (needsAddress && (isForwarded || !resolvesHere)) throw unjudged(to, isForwarded)
  else if (resolvesHere && !isForwarded) return (await addressesOf(to, options, signal))[0]?.address ?? host
  return host
}

const unjudged = ({ host }: Destination, isForwarded: boolean): ProxyError =>
  new ProxyError(
    'PTC_ORIGIN_DENIED',
    isForwarded
      ? `a parent proxy would resolve ${host} for a request without TLS, and proxy.config.http.deny_private_origins needs its address`
      : `a parent proxy would resolve ${host}, and proxy.config.http.deny_private_origins needs its address: proxy.config.http.no_dns_just_forward_to_parent 0`,
  )

async function dialParent(
  parent: Parent,
  client: string,
  { names, isOwn, attemptDelay }: ReachOptions,
  { connectTimeout, failed, reached }: ParentOptions,
  signal: AbortSignal,
): Promise<TcpLink> {
  const optional = { ...(isOwn && { isOwn }), ...(attemptDelay !== undefined && { attemptDelay }) }
  try {
    const { host, port } = parent
    const tcp = await dial({ host, port, client }, { connectTimeout, names, ...optional }, signal)
    reached(parent)
    return tcp
  } catch (cause) {
    if (signal.aborted || !(cause instanceof ProxyError) || !FAILED.has(cause.code)) throw cause
    failed(parent)
    const text = `the parent proxy ${parentText(parent)} cannot be reached: ${ProxyError.textOf(cause)}`
    throw new ProxyError('PTC_PARENT_UNREACHABLE', text, { cause })
  }
}

/** Codes of a dial that say something of the parent. */
const FAILED: ReadonlySet<ErrorCode> = new Set([
  'PTC_DNS_FAILED',
  'PTC_DNS_TIMEOUT',
  'PTC_CONNECT_REFUSED',
  'PTC_CONNECT_UNREACHABLE',
  'PTC_CONNECT_TIMEOUT',
])

/** The link to the origin, and what was accepted of the parent. */
interface Through {
  readonly link: OriginLink
  readonly accepted?: Accepted
}

/** @param connect to the parent */
async function through(
  connect: () => Promise<TcpLink>,
  host: string,
  to: Destination,
  parent: Parent,
  { connectTimeout, startTls, via, revocations: log }: ParentOptions,
  signal: AbortSignal,
): Promise<Through> {
  const tcp = await connect()
  const { scheme, isProxy, port } = parent
  const talk = (link: Link): Promise<OriginLink> => {
    const dialogue =
      scheme === 'socks5' ? socksDialogue(parent, host, to.port) : connectDialogue(parent, host, to.port, via)
    return negotiate(link, dialogue, parent, connectTimeout, signal)
  }
  if (scheme === 'socks5') return { link: await talk(tcp) }
  const { isForwarded = false, asking, client } = to
  if (scheme === 'http') return { link: !isProxy || isForwarded ? tcp : await talk(tcp) }
  const origin = await startTls(tcp, { host: parent.host, port, client, asking, redial: connect }, signal)
  const { peer, revocations, link: inside } = origin
  if (areWithdrawn(log, origin)) {
    inside.destroy()
    throw withdrawn()
  }
  const link = isForwarded ? new RelayedLink(inside, Buffer.alloc(0)) : await talk(inside)
  return { link, accepted: { peer, revocations } }
}

/** Another connection to the place where this one leads: it is needed, whatever other connections serve. */
export function again(
  first: OriginLink,
  to: Omit<Destination, 'host' | 'ways'>,
  options: () => ReachOptions,
  signal: AbortSignal,
): () => Promise<OriginLink> {
  const { host, way } = placeOf(first)
  return () => reach({ ...to, host, ways: [way], isServed: undefined }, options(), signal)
}
