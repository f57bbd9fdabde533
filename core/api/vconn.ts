/**
 * What plugins keep on a connection, by plugin name. A plugin adds its own key by declaration merging:
 *
 * ```ts
 * declare module 'portcullis/plugin' {
 *   interface VConnArgs { first_seen: { readonly at: number } }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging in plugins
export interface VConnArgs {}

/** One connection to a client (inbound) or to an origin (outbound). */
export interface VConn {
  /** Unique in this process, ascending. */
  readonly id: number
  readonly direction: 'inbound' | 'outbound'
  /** `address:port`, IPv6 in brackets. */
  readonly remoteAddress: string
  readonly localAddress: string
  /** Lives as long as the connection; emptied after the close hook. */
  readonly args: Partial<VConnArgs>
}
