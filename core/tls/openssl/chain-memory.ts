import { X509Certificate } from 'node:crypto'
import { LRUCache } from 'lru-cache'

/** How long a good chain is not verified again, in milliseconds: as long as a clock may be wrong without harm. */
const REMEMBERED_FOR = 60_000
const REMEMBERED = 500

/**
 * Chains that one context has verified a moment ago. What OpenSSL found good under the same trust anchors is good again,
 * as long as every certificate in it is valid; the signatures are two thirds of what the check costs. Failures are never
 * remembered.
 */
export class ChainMemory {
  readonly #built = new LRUCache<string, readonly Buffer[]>({ max: REMEMBERED })

  /** The chain that was built from `sent`, if it was found good and is still valid. */
  recall(sent: readonly Buffer[]): readonly Buffer[] | undefined {
    return this.#built.get(keyOf(sent))
  }

  remember(sent: readonly Buffer[], built: readonly Buffer[], now = Date.now()): void {
    const expires = Math.min(...built.map(der => Date.parse(new X509Certificate(der).validTo)))
    const ttl = Math.min(expires - now, REMEMBERED_FOR)
    if (ttl >= 1) this.#built.set(keyOf(sent), built, { ttl })
  }
}

/** DER tells its own length, so that no two chains are the same text. */
const keyOf = (sent: readonly Buffer[]): string => sent.map(der => der.toString('latin1')).join('')
