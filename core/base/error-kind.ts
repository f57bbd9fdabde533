/** Whose side an error comes from. */
export type Side = 'client' | 'origin' | 'internal'

/** What the table of errors says about a code. */
export interface ErrorKind {
  readonly side: Side
  /** What the client is answered with; 0 where no client waits (start-up, plugins). */
  readonly status: number
  /** The value of `error=` in `Proxy-Status` (RFC 9209 section 2.3); empty where no client waits. */
  readonly proxyStatus: string
  readonly remedy: string
}

export const kind = (side: Side, status: number, proxyStatus: string, remedy: string): ErrorKind => ({
  side,
  status,
  proxyStatus,
  remedy,
})

export const startup = (remedy: string): ErrorKind => kind('internal', 0, '', remedy)

export const badRequest = (status: number, remedy: string): ErrorKind =>
  kind('client', status, 'http_request_error', remedy)
