/**
 * Withdraws acceptances and everything that rests on them.
 *
 * Stored items are examined one by one, and removed if they are about what was revoked: remembered verdicts, sessions,
 * verified addresses, idle connections. What no store has is examined by the log of revocations, when it is used: a handshake
 * before its Finished and at its end, a connection before its request is sent and when it comes back, a tunnel before its first
 * byte. A question that waits rests on nothing yet: its answer is new. It is only not remembered, for which the stores of
 * verdicts and sessions compare the count of revocations at the beginning of the work with the count at its end.
 */
import type { IsRevoked } from './revocation.js'
import { RevocationLog } from './revocation-log.js'

/** A store of one kind of item. `revoke` returns how many it has removed. */
export type Keeper = (isRevoked: IsRevoked) => number

/** In the order of their revocation: connections are last, because their close can start work that must find the rest removed. */
const KINDS = ['verdicts', 'sessions', 'addresses', 'connections'] as const

export type Kind = (typeof KINDS)[number]

/** How many items of each kind were removed. */
export type RevokedCounts = Readonly<Record<Kind, number>>

/** All stores of acceptances and of items that rest on them; lives as long as the program. */
export class Revocations {
  readonly log = new RevocationLog()
  readonly #keepers: Readonly<Record<Kind, Set<Keeper>>> = {
    verdicts: new Set(),
    sessions: new Set(),
    addresses: new Set(),
    connections: new Set(),
  }

  /** Adds a store to all later revocations. Returns a function that removes it. */
  join(kind: Kind, keeper: Keeper): () => void {
    const keepers = this.#keepers[kind]
    keepers.add(keeper)
    return () => void keepers.delete(keeper)
  }

  revoke(isRevoked: IsRevoked): RevokedCounts {
    this.log.add(isRevoked) // first: the end of a connection can start work that looks there
    const counts = { verdicts: 0, sessions: 0, addresses: 0, connections: 0 }
    for (const kind of KINDS) for (const keeper of this.#keepers[kind]) counts[kind] += keeper(isRevoked)
    return counts
  }
}
