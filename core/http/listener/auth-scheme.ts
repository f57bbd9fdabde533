import type { Identity } from './identity.js'

/** The identity of a client, or why it is not known. */
export type Checked = Identity | string

/** The groups that a name has beside those that its proof has brought. */
export type GroupsOf = (user: string) => readonly string[]

/** One scheme of Proxy-Authorization (RFC 9110 section 11.7.2). */
export interface AuthScheme {
  /** What a client has to send, for people. */
  readonly wants: string
  /** @param isRefused credentials of this scheme were sent, and are no good */
  challenge(isRefused: boolean): string
  /**
   * @param credentials what stands behind the scheme
   * @param network of the client
   * @throws {ProxyError} it could not be checked
   */
  check(credentials: string, network: string): Checked | Promise<Checked>
}
