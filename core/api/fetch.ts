/** What is fetched, and within which bounds. */
export interface FetchOptions {
  /** Default `GET`. */
  readonly method?: 'GET' | 'POST'
  /** Fields to send; those that frame the message or belong to the connection are refused. */
  readonly headers?: Readonly<Record<string, string>>
  /** The body of a POST. */
  readonly body?: Uint8Array | string
  /** Milliseconds for all of it, redirects and the wait for a place included; default 5,000, at most 60,000. */
  readonly timeout?: number
  /** Bytes of the answer's body; default 65,536, at most 67,108,864. */
  readonly maxBytes?: number
  /** Default 3 for GET, at most 10; none for POST. They never lead to another scheme. */
  readonly maxRedirects?: number
  /** Accepted content types, without parameters; default: all. An answer without a type is accepted. */
  readonly types?: readonly string[]
  /**
   * Private, loopback, link-local and metadata addresses may be dialled, then on any port. Only if the operator has said so
   * on the plugin's line; default false.
   */
  readonly allowPrivate?: boolean
  /**
   * The URL comes from the configuration of the operator: it may name any port. Default false: the URL may come from a
   * certificate, and only ports 80 and 443 are dialled.
   */
  readonly isConfigured?: boolean
  /** Milliseconds for which an answer with status 200 is kept, for the same question; default 0. */
  readonly cacheFor?: number
  /** An absolute folder where such answers are kept, too: they outlive a restart. */
  readonly cacheDir?: string
  /** Milliseconds for which a failure is remembered; default 10,000, at most 600,000. */
  readonly failureFor?: number
  /** Gives up. */
  readonly signal?: AbortSignal
}

/** An answer, whatever its status. */
export interface FetchAnswer {
  readonly status: number
  /** Where it came from, after redirects. */
  readonly url: string
  /** Fields by lower-case name; several of one name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** It was kept, from an earlier fetch. */
  readonly isCached: boolean
  /** When it was fetched; milliseconds since the epoch. */
  readonly fetchedAt: number
}

/**
 * Fetches from a source of verification: HTTP with every bound set. Names are resolved by the proxy, and the addresses that
 * were checked are those that are dialled; the proxy's own ports are never among them. For https the origin passes the
 * built-in check for its rule, and no plugin is asked. Equal questions of one plugin at the same time are one fetch.
 *
 * Nothing that is fetched is trusted for having been fetched.
 *
 * @throws {ProxyError} PTC_PLUGIN_CALL for options that are none, PTC_FETCH_DENIED where the guard refuses the URL or address,
 *   PTC_FETCH_FAILED for everything that goes wrong at the source, or the time is over
 */
export type PluginFetch = (url: string, options?: FetchOptions) => Promise<FetchAnswer>
