import { LRUCache } from 'lru-cache'
import { readX509 } from '../../base/x509.js'

/** How long a good chain is not verified again, in milliseconds: as long as a clock may be wrong without harm. */
const REMEMBERED_FOR = 60_000
const REMEMBERED_BYTES = 4_000_000
/** A longer one is verified each time: an origin may add to its chain what it likes. */
const MAX_CHAIN_BYTES = 32_768

/**
 * Chains that one context has verified a moment ago. What OpenSSL found good under the same trust anchors is good again,
 * as long as every certificate in it is valid and no revocation list has ended; the signatures are two thirds of what the
 * check costs. Failures are never remembered.
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
   * @param endsAt when the first revocation list ends that chains were checked with, by that clock
   */
  constructor(clock: () => number = Date.now, endsAt = Number.POSITIVE_INFINITY) {
    this.#clock = clock
    this.#endsAt = endsAt
  }

  /** The chain that was built from `sent`, if it was found good and is still valid. */
  recall(sent: readonly Buffer[], now = this.#clock()): readonly Buffer[] | undefined {
    const chain = this.#chains.get(keyOf(sent))
    if (chain === undefined || now >= this.#endsAt) return undefined
    // Read when it is first of use: to read three certificates costs twice what it costs to verify them.
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
  /** When the first of its certificates expires, milliseconds since the epoch; undefined until somebody asks. */
  end: number | undefined
}

/** When the first of them expires, in milliseconds since the epoch; 0 if Node cannot read one: it is never good again. */
function earliestEnd(chain: readonly Buffer[]): number {
  try {
    return Math.min(...chain.map(der => Date.parse(readX509(der).validTo)))
  } catch {
    return 0
  }
}

/** DER tells its own length, so that no two chains are the same text. */
const keyOf = (sent: readonly Buffer[]): string => sent.map(der => der.toString('latin1')).join('')
