import { ProxyError } from '../../base/errors.js'

/** How a client proved its name: the part that is kept for later checks. */
export type Proof =
  /** The hash that the password fits. */
  | { readonly scheme: 'basic'; readonly hash: string }
  /** The certificate of its connection. */
  | { readonly scheme: 'certificate' }
  /** The token: its signature, audience and time are checked again. Never to be logged or sent. */
  | { readonly scheme: 'bearer'; readonly token: string }

/**
 * The name and the groups under which the proxy serves a client. Decisions may rest on all of it: two that differ in a group
 * share no connection that plugins have accepted for one client, and no login at an origin.
 */
export interface Identity {
  readonly user: string
  /** Sorted, each once. */
  readonly groups: readonly string[]
  /** Equal if, and only if, user and groups are equal. */
  readonly key: string
  readonly proof: Proof
}

export function identityOf(user: string, groups: Iterable<string>, proof: Proof): Identity {
  const sorted = Object.freeze([...new Set(groups)].sort())
  return Object.freeze({ user, groups: sorted, key: JSON.stringify([user, sorted]), proof })
}

/** The groups of a client without a login. */
export const NO_GROUPS: readonly string[] = Object.freeze([])

/** Characters of a name of a user or a group. */
const MAX_NAME = 256

/** No control character, and no line end of Unicode. */
const UNFIT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u

/** Whether a value that a client has proved can be the name of a user or a group, in rules and logs. */
export const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= MAX_NAME && !UNFIT.test(value)

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

/** A request of a client that has not logged in. The reply is a 407 with a challenge for each way to log in. */
export class LoginRequired extends ProxyError {
  /** Values of Proxy-Authenticate (RFC 9110 section 11.7.1), one field each. */
  readonly challenges: readonly string[]

  constructor(message: string, challenges: readonly string[]) {
    super('PTC_PROXY_AUTH_REQUIRED', message)
    this.challenges = challenges
  }
}
