/**
 * CONNECT in bump mode: the proxy ends the client's TLS itself, with a leaf of the operator's authority.
 *
 *     ClientHello read, client parked -> its hook -> origin opened and verified -> TLS with the client -> its requests
 *                                           \-> an alert          |-> refused: an alert; or the same, and every request
 *                                                                 |   gets the error page, where a leaf is at hand
 *                                                                 \-> a question about it stays open: the same, and every
 *                                                                     request gets 503
 *
 * The verified connection waits in the pool for the first request. A ClientHello with another SNI than the target of
 * CONNECT is for that name, at the target's address: the name is what is verified, and what requests have to be for.
 */
import { isIP } from 'node:net'
import { originAuthority } from '../../base/authority.js'
import type { Current } from '../../base/current.js'
import { ProxyError } from '../../base/errors.js'
import type { OriginConnector } from '../../origin/connect.js'
import type { Opener, RoutedTarget } from '../../origin/open.js'
import type { Place, Ways } from '../../origin/parents/way.js'
import type { ClientLink } from '../../vconn/link.js'
import type { ListenerLimits } from '../listener/client-host.js'
import type { ClientCertificate, ClientInfo } from '../listener/client-info.js'
import { type Admit, createListener, type Listener } from '../listener/listener.js'
import type { WaitingClient } from '../listener/waiting-client.js'
import { errorReply, sendReply } from '../pages/replies.js'
import { NO_PAGES } from '../pages/templates.js'
import type { Forwarder } from '../transaction/forward.js'
import { refusedSummary, type Summary } from '../transaction/summary.js'
import { targetAt } from '../transaction/target.js'
import type { ConnectRequest } from './request.js'
import { type TunnelOptions, waysOf } from './tunnel.js'
import type { TunnelJudgement } from './tunnel-judgement.js'

/**
 * Makes the handshake with a client whose ClientHello has come, on a link that is its own from here on.
 * @param port of the origin
 * @param verify called when plugins have let the ClientHello in; the client waits for it, and is shown a certificate for
 *   the host that it answers, or refused with an alert. The signal aborts when the client has left
 * @throws {ProxyError} the client has had its alert then
 */
export type EndTls = (
  link: ClientLink,
  client: ClientInfo,
  port: number,
  verify: (sni: string | undefined, signal: AbortSignal) => Promise<Verified>,
) => Promise<Ended>

/** A client whose TLS ends here. */
export interface Ended {
  /** Plaintext. */
  readonly link: ClientLink
  /** The certificate that the client has shown inside the tunnel. */
  readonly shown: ClientCertificate | undefined
  /** Negotiated by ALPN. */
  readonly protocol: string | undefined
}

/** What became of an origin. */
export interface Verified {
  readonly host: string
  /** Why it is refused, if it is. */
  readonly refusal: ProxyError | undefined
  /** Whether a leaf may be minted: the origin was accepted, or a question about it is open and the client gets a page about that. */
  readonly mayMint: boolean
  /** Whether the client may speak HTTP/2: the origin does. */
  readonly hasHttp2: boolean
}

export interface BumpOptions extends Pick<TunnelOptions, 'waysFor'> {
  readonly connector: OriginConnector
  readonly forwarder: Forwarder
  readonly limits: Current<ListenerLimits>
  /** Says why a request inside is refused. */
  readonly admit: Admit
  /** Called for each request inside that never got to the forwarder. */
  readonly onRefused: (summary: Summary) => void
}

/** What a bumped connection is for, or why its requests are refused. */
interface Bumped {
  readonly origin: RoutedTarget
  readonly error: ProxyError | undefined
}

/** Takes tunnels to bump, and what comes inside. */
export interface BumpedConnections extends Pick<Listener, 'drain'> {
  /**
   * Takes over a client whose ClientHello has been read. It is answered in any case, by an alert at least.
   * @param endTls ends its TLS
   * @param place where the origin is; by default where the host of the CONNECT leads
   * @throws {ProxyError}
   */
  readonly take: (
    request: ConnectRequest,
    client: WaitingClient,
    judgement: TunnelJudgement,
    endTls: EndTls,
    place: Place | undefined,
  ) => Promise<undefined>
}

export function bumpedConnections(options: BumpOptions): BumpedConnections {
  const bumped = new WeakMap<ClientInfo, Bumped>()
  const inner = innerListener(options, bumped)
  const take: BumpedConnections['take'] = async (request, client, judgement, endTls, place) => {
    const ways: Ways = place === undefined ? waysOf(request, options) : [place.way]
    const origin = originOf(request, judgement, place?.host, ways)
    let verified: Bumped | undefined
    const outside = request.req.client
    const { asking } = request
    const hello: Parameters<EndTls>[3] = async (sni, signal) => {
      if (sni !== undefined && sni !== origin.host) throw twoReadings(sni, origin.host)
      const by = { network: outside.network, asking, from: outside.clientEnds }
      const { error, hasHttp2 } = await verify(options.connector, origin, signal, by)
      verified = { origin, error }
      const mayMint = error === undefined || error.code === 'PTC_VERIFY_POSTPONED'
      return { host: origin.host, refusal: error, mayMint, hasHttp2 }
    }
    const { link: secured, shown, protocol } = await endTls(client.release(), outside, request.port, hello)
    const inside = outside.inside(secured, verified && schemeAndAuthority(verified.origin), shown, protocol)
    if (verified !== undefined) bumped.set(inside, verified)
    inner.take(secured, inside)
    return undefined
  }
  return { take, drain: inner.drain }
}

function originOf(
  { host: connect, port }: ConnectRequest,
  { host }: TunnelJudgement,
  address = connect,
  ways: Ways,
): RoutedTarget {
  const origin = { scheme: 'https', host, isAddress: isIP(host) !== 0, port, ways } as const
  return address === host ? origin : { ...origin, dialHost: address }
}

/** The ClientHello that was judged is the one that is answered, or nothing is. */
const twoReadings = (answered: string, judged: string): ProxyError =>
  new ProxyError(
    'PTC_TUNNEL_HELLO',
    `the ClientHello asks for ${answered}, and was judged as one for ${judged}`,
  )

const schemeAndAuthority = (origin: RoutedTarget): string => `${origin.scheme}://${originAuthority(origin)}`

/** Why the origin is refused, undefined when it was accepted; and whether it speaks HTTP/2. */
async function verify(
  connector: OriginConnector,
  origin: RoutedTarget,
  signal: AbortSignal,
  by: Opener,
): Promise<{ readonly error: ProxyError | undefined; readonly hasHttp2: boolean }> {
  const key = connector.keyOf(origin)
  try {
    const connection =
      connector.reuse(key, by.network, undefined) ?? (await connector.open(origin, signal, by))
    const hasHttp2 = connection.protocol === 'h2'
    connector.release(connection, by.network)
    return { error: undefined, hasHttp2 }
  } catch (cause) {
    if (signal.aborted || !(cause instanceof ProxyError)) throw cause
    return { error: cause, hasHttp2: false }
  }
}

/** Speaks HTTP on the inside. It never listens: connections are handed to it. */
function innerListener(
  { forwarder, limits, admit, onRefused }: BumpOptions,
  bumped: WeakMap<ClientInfo, Bumped>,
): Listener {
  return createListener({
    limits,
    admit,
    pages: () => forwarder.options.current().pages ?? NO_PAGES,
    onRefused,
    forward: {
      handle: (req, res) => {
        const known = bumped.get(req.client)
        const error = known?.error ?? (known === undefined ? unknownConnection() : undefined)
        if (known !== undefined && error === undefined) {
          forwarder.handle(req, res, inner => targetAt(inner, known.origin))
          return
        }
        const why = error ?? unknownConnection()
        res.closes = true
        sendReply(
          res,
          errorReply(why, { host: known?.origin.host }, req.headers, forwarder.options.current().pages),
        )
        onRefused(refusedSummary(req, res.statusCode, 0, why))
      },
    },
  })
}

const unknownConnection = (): ProxyError =>
  new ProxyError('PTC_INTERNAL', 'a request on a connection that was not bumped')
