import type { Parked } from './parked.js'

/** What a continuation on TS_VCONN_START_HOOK receives. A rejection closes the connection without a word. */
export interface VConnStartEvent extends Parked {}

/**
 * What a continuation on TS_VCONN_OUTBOUND_START_HOOK receives: once for each TCP connection to an origin, those of
 * tunnels and probes included. A rejection closes it, and the client is answered 502.
 */
export interface OutboundStartEvent extends Parked {
  /** As in the URL, or in the CONNECT request: a name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
}
