import type { TxnCloseEvent } from '../../api/hooks.js'
import type { TxnArgs } from '../../api/transaction-hooks.js'
import type { ProxyError } from '../../base/errors.js'
import type { RequestHead, ResponseHead } from '../../http1/messages.js'
import type { Channel } from '../../origin/connection.js'
import type { Acceptance } from '../../origin/prober.js'
import type { ClientRequest } from '../listener/client-request.js'
import { effectiveUrl } from './target.js'

/** A transaction as plugins know it, and what they have kept on it. */
export interface HookedTxn {
  readonly id: number
  readonly args: Partial<TxnArgs>
}

/** A finished transaction, or a tunnel that has ended: for the log and the metrics. */
export interface Summary
  extends Pick<
    TxnCloseEvent,
    'method' | 'clientAddress' | 'status' | 'bytesUp' | 'bytesDown' | 'milliseconds'
  > {
  /** Undefined for what could not be parsed. */
  readonly req: ClientRequest | undefined
  /** As {@link effectiveUrl} says. */
  readonly url: string
  /** Whether the connection to the origin had served before. */
  readonly isReused: boolean
  readonly error: ProxyError | undefined
  /** The connection to the origin, if there was one. */
  readonly channel: Channel | undefined
  /** The origin of a tunnel. */
  readonly tunnel?: TunnelOrigin | undefined
  /** The host that a tunnel was for, by what the client sent in it. */
  readonly tunnelHost?: string | undefined
  /** The name that the client announced in the tunnel's TLS, as it wrote it. */
  readonly sni?: string | undefined
  /** The request as it was sent to the origin. */
  readonly sent: RequestHead | undefined
  /** The origin's response, 1xx aside. */
  readonly response: ResponseHead | undefined
  /** As plugins know it; undefined where none was asked. */
  readonly hooked?: HookedTxn | undefined
}

/** A request that never got as far as an origin; without an error it was for the proxy. */
export function refusedSummary(
  req: ClientRequest | undefined,
  status: number,
  milliseconds: number,
  error: ProxyError | undefined,
  clientAddress = req?.client.remoteAddress,
): Summary {
  return {
    req,
    method: req?.method ?? '',
    url: req === undefined ? '' : effectiveUrl(req),
    clientAddress,
    status,
    bytesUp: 0,
    bytesDown: 0,
    milliseconds,
    isReused: false,
    error,
    channel: undefined,
    sent: undefined,
    response: undefined,
  }
}

/** The origin at the other end of a tunnel, for the log. */
export interface TunnelOrigin {
  /** `address:port` */
  readonly address: string
  /** What it was accepted for; undefined if it was not verified. */
  readonly acceptance?: Acceptance
  /** Milliseconds that plugins held the handshake of this tunnel. */
  readonly parked?: number
}
