import type { Asking } from '../../api/asking.js'
import type { VConn } from '../../api/vconn.js'
import type { Link } from '../../vconn/link.js'
import type { OriginLink } from '../../vconn/origin-link.js'
import type { ClientEnds } from '../../vconn/proxy-protocol.js'
import type { VerifiedPeer } from '../judge/verdict.js'

/** The origin of a handshake, and the client that wants it. */
export interface TlsTarget {
  /** As in the URL: a name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** Network of the client that it is for, whose slot of the queue it takes; empty where there is no client. */
  readonly client: string
  /** That client and its request, for plugins. */
  readonly asking?: Asking | undefined
  /** That client's connection, for the PROXY protocol. */
  readonly from?: ClientEnds | undefined
  /**
   * The name to announce whatever the rules say, null for none: a tunnel is verified with the name that its client is
   * about to announce.
   */
  readonly announce?: string | null
  /**
   * Only the verdict is wanted, and nothing will be sent: where the origin asks for a certificate that we have not, the
   * handshake is given up behind the verdict, and the link that is delivered is closed.
   */
  readonly isProbe?: boolean
  /**
   * Whether the caller can speak HTTP/2 on the link: it is offered where the settings allow it. False: HTTP/1.1 alone is
   * offered there, so that an origin without it says so in the handshake.
   */
  readonly speaksHttp2?: boolean
  /**
   * Makes another connection to the place of the first one, for an origin that was accepted after that had ended.
   * Absent: the end of a parked connection ends the handshake. @throws {ProxyError} as for the first
   */
  readonly redial?: (() => Promise<OriginLink>) | undefined
  /** When the connection was begun, on the clock of `performance.now()`; for time limits that count from there. */
  readonly since?: number
}

/** A finished handshake: plaintext in and out, and the proof that the origin was accepted. */
export interface TlsOrigin {
  readonly link: Link
  readonly peer: VerifiedPeer
  /**
   * How many revocations there had been when it was first accepted: a later one that is about it takes the acceptance back,
   * as the log of revocations says.
   */
  readonly revocations: number
  readonly vconn: VConn
  /** What ALPN has negotiated on this connection; undefined: nothing, so HTTP/1.1. */
  readonly protocol?: string | undefined
  /** Milliseconds that plugins held the handshake; absent if they were not asked. */
  readonly parked?: number | undefined
}

/** A host whose certificate was accepted. */
export type Accepted = Pick<TlsOrigin, 'peer' | 'revocations'>

/**
 * Makes a TLS client handshake over a connected link and has the certificate judged.
 *
 * The signal is aborted when the client that wants this connection leaves; the handshake then ends at once.
 * @throws {ProxyError} with a code PTC_VERIFY_* (as {@link VerifyRejected}), PTC_HANDSHAKE_* or PTC_CLIENT_GONE
 */
export type StartTls = (tcp: OriginLink, target: TlsTarget, signal: AbortSignal) => Promise<TlsOrigin>
