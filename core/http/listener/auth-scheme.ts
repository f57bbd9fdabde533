import type { Identity } from './identity.js'

/** The identity of a client, or why it is not known. */
export type Checked = Identity | string

/** The configured groups of a name; its proof may add more. */
export type GroupsOf = (user: string) => readonly string[]

/** One scheme of Proxy-Authorization (RFC 9110 section 11.7.2). */
export interface AuthScheme {
  /** The credentials that a client has to send, in words for its user. */
  readonly wants: string
  /** @param isRefused the request had credentials of this scheme, and they were refused */
  challenge(isRefused: boolean): string
  /**
   * @param credentials the text after the scheme's name
   * @param network of the client
   * @throws {ProxyError} if they could not be checked
   */
  check(credentials: string, network: string): Checked | Promise<Checked>
}
