/** The client for whose request an origin is asked. */
export interface AskingClient {
  /** Its IP address, IPv6 without brackets. */
  readonly address: string
  /** The port of the proxy that it came in by: `address:port`, IPv6 in brackets. */
  readonly port: string
  /** The name under which it has logged in to the proxy; undefined without a login. */
  readonly user: string | undefined
  /** The groups of that name, sorted; empty without a login. */
  readonly groups: readonly string[]
  /** The subject of the certificate that it has shown to an `ssl` port, on one line; undefined without one. */
  readonly subject: string | undefined
}

/** The request for which an origin is asked. */
export interface AskingTransaction {
  /** As the hooks of the transaction have it; undefined where no plugin is on those hooks. */
  readonly id: number | undefined
  readonly method: string
  /** Absolute; of a CONNECT, `host:port`. */
  readonly url: string
}

/** The client and the request for which an origin is asked. */
export interface Asking {
  readonly client: AskingClient
  readonly transaction: AskingTransaction
}
