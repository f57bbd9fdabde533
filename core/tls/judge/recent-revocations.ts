import type { LeafDigests } from './leaf-digests.js'
import type { IsRevoked } from './revocation.js'

/** Milliseconds by which the clocks of a fleet may differ, and a revocation may be on its way to those that are connected. */
const SKEW = 60_000
/** Milliseconds; longer than any shared item lives. */
const KEPT = 25 * 3_600_000
/** Beyond it, what was kept before the oldest counts as revoked. */
const MAX = 10_000

interface Recent {
  readonly isRevoked: IsRevoked
  /** Milliseconds since the epoch. */
  readonly heardAt: number
}

/**
 * What was revoked lately, for items of a shared store. Such an item may have been made by a process that had not heard of the
 * revocation yet, or may have been put back after it. So an item counts only if it was made clearly after every revocation
 * that is about it: then its maker had heard of it.
 */
export class RecentRevocations {
  readonly #recent: Recent[] = []
  /** Items that were made before count as revoked. */
  #floor = Number.NEGATIVE_INFINITY

  /** A revocation was carried out here: of a plugin, an operator, or another process. */
  add(isRevoked: IsRevoked, now = Date.now()): void {
    while (this.#recent[0] !== undefined && this.#recent[0].heardAt < now - KEPT) this.#recent.shift()
    this.#recent.push({ isRevoked, heardAt: now })
    if (this.#recent.length > MAX) this.#floor = (this.#recent.shift()?.heardAt ?? now) + SKEW
  }

  /**
   * Whether an item of the store may rest on what was revoked.
   * @param madeAt when its maker began, on the maker's clock; milliseconds since the epoch
   * @param connectedSince since when this process hears all others, and they hear it: before that, no other can have heard of
   *   what it knew
   */
  beat(host: string, leaf: () => LeafDigests | undefined, madeAt: number, connectedSince: number): boolean {
    if (madeAt <= this.#floor || madeAt > Date.now() + SKEW) return true
    let digests: { readonly of: LeafDigests | undefined } | undefined
    const once = (): LeafDigests | undefined => {
      digests ??= { of: leaf() }
      return digests.of
    }
    return this.#recent.some(
      ({ isRevoked, heardAt }) => madeAt <= Math.max(heardAt, connectedSince) + SKEW && isRevoked(host, once),
    )
  }
}
