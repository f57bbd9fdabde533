import { LRUCache } from 'lru-cache'
import { readX509 } from '../../base/x509.js'

/** Milliseconds for which a good chain is not verified again: as long as a clock may be wrong without harm. */
const REMEMBERED_FOR = 60_000
const REMEMBERED_BYTES = 4_000_000
/** A longer chain is verified each time: an origin may add any certificates to its chain. */
const MAX_CHAIN_BYTES = 32_768

/**
 * Chains that one context has verified within the last minute. A chain that OpenSSL found good under the same trust anchors
 * stays good as long as every certificate in it is valid and no revocation list has ended. The signatures are two thirds
 * of the cost of the check. Failures are never remembered.
 */
export class ChainMemory {
  readonly #endsAt: number
  readonly #chains = new LRUCache<string, GoodChain>({
    ttl: REMEMBERED_FOR,
    maxSize: REMEMBERED_BYTES,
    sizeCalculation: ({ built }, key) => key.length + built.reduce((sum, der) => sum + der.length, 0),
  })

  readonly #clock: () => number

  /**
   * @param clock milliseconds since the epoch
   * @param endsAt when the first of the revocation lists used in the check ends, by that clock
   */
  constructor(clock: () => number = Date.now, endsAt = Number.POSITIVE_INFINITY) {
    this.#clock = clock
    this.#endsAt = endsAt
  }

  /** The chain that was built from `sent`, if it was found good and is still valid. */
  recall(sent: readonly Buffer[], now = this.#clock()): readonly Buffer[] | undefined {
    const chain = this.#chains.get(keyOf(sent))
    if (chain === undefined || now >= this.#endsAt) return undefined
    // Read at the first use: reading three certificates costs twice as much as verifying them.
    chain.end ??= earliestEnd(chain.built)
    return now < chain.end ? chain.built : undefined
  }

  remember(sent: readonly Buffer[], built: readonly Buffer[]): void {
    const key = keyOf(sent)
    if (key.length <= MAX_CHAIN_BYTES) this.#chains.set(key, { built, end: undefined })
  }
}

interface GoodChain {
  readonly built: readonly Buffer[]
  /** When the first of its certificates expires, milliseconds since the epoch; undefined until the first use. */
  end: number | undefined
}

/** When the first of them expires, in milliseconds since the epoch; 0 if Node cannot read one: the chain is then verified each time. */
function earliestEnd(chain: readonly Buffer[]): number {
  try {
    return Math.min(...chain.map(der => Date.parse(readX509(der).validTo)))
  } catch {
    return 0
  }
}

/** DER contains its own length: two different chains never give the same text. */
const keyOf = (sent: readonly Buffer[]): string => sent.map(der => der.toString('latin1')).join('')
