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
