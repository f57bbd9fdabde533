import { type RecordWithTtl, Resolver } from 'node:dns'
import { networkInterfaces } from 'node:os'
import { after } from '../../base/timer.js'
import { type ShareLimits, Shares } from './shares.js'
import type { Asked, NameSource, Outcome } from './source.js'
import { candidates, type ResolvConf } from './system-files.js'

/**
 * Asks name servers, by c-ares, which needs no thread. One question is the addresses of both families of one name and,
 * where that has none, of the name in the domains of `search`.
 *
 * A question has a c-ares channel for itself, because cancelling ends everything on a channel. Channels are used again,
 * so that c-ares remembers which name servers do not answer.
 */

export interface DnsOptions {
  /** Asked with every name: the file behind it may change. */
  readonly conf: () => ResolvConf
  readonly limits: ShareLimits
  /** Whether IPv6 comes first; default: where this machine has a global IPv6 address. */
  readonly prefersIpv6?: () => boolean
}

/** Milliseconds until c-ares tries the next server; it doubles with every round. */
const TRY_TIMEOUT = 1500
/** Rounds. With the doubling they last longer than a question may: the caller's clock ends it. */
const TRIES = 5

/** Milliseconds that the other family has when one has addresses already; RFC 8305 section 3 says 50. */
const FAMILY_DELAY = 250

/** Addresses kept of one name, as in Traffic Server (`hostdb.round_robin_max_count`). */
const MAX_ADDRESSES = 16
/** Milliseconds that half an answer is used. */
const PARTIAL_TTL = 2000
/** Channels kept for later questions. */
const MAX_IDLE = 32

export class DnsSource implements NameSource {
  readonly shares: Shares
  readonly #options: DnsOptions
  #idle: Resolver[] = []
  /** What the channels were made for. */
  #conf: ResolvConf | undefined
  #isClosed = false

  constructor(options: DnsOptions) {
    this.#options = options
    this.shares = new Shares(options.limits)
  }

  ask(name: string): Asked {
    const conf = this.#options.conf()
    const resolver = this.#take(conf)
    let isCancelled = false
    const search = async (): Promise<Outcome> => {
      let failure = 'ENOTFOUND'
      for (const candidate of candidates(name, conf)) {
        const families = await askFamilies(resolver, candidate)
        if (isCancelled) return { failed: 'ECANCELLED' }
        const outcome = this.#merge(families)
        if (!('failed' in outcome)) return outcome
        // As the system does: a server that fails for one domain may know the next one, and a silent one will not.
        if (!GOES_ON.has(outcome.failed)) return outcome
        if (outcome.failed === 'ESERVFAIL' || failure === 'ENOTFOUND') failure = outcome.failed
      }
      return { failed: failure }
    }
    const outcome = search().finally(() => this.#giveBack(resolver, conf))
    return {
      outcome,
      cancel: () => {
        isCancelled = true
        resolver.cancel()
        return true
      },
    }
  }

  epoch(): ResolvConf {
    return this.#options.conf()
  }

  close(): void {
    this.#isClosed = true
    this.#idle = []
  }

  #take(conf: ResolvConf): Resolver {
    if (conf !== this.#conf) this.#idle = []
    this.#conf = conf
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    const resolver = new Resolver({ timeout: TRY_TIMEOUT, tries: TRIES })
    resolver.setServers(conf.nameservers)
    return resolver
  }

  #giveBack(resolver: Resolver, conf: ResolvConf): void {
    if (!this.#isClosed && conf === this.#conf && this.#idle.length < MAX_IDLE) this.#idle.push(resolver)
  }

  #merge([v6, v4]: Families): Outcome {
    if (typeof v6 === 'string' && typeof v4 === 'string') return { failed: worse(v6, v4) }
    const [six, four] = [v6, v4].map(family => (typeof family === 'string' ? [] : family))
    const isFirst6 = (this.#options.prefersIpv6 ?? hasGlobalIpv6)()
    const [first = [], second = []] = isFirst6 ? [six, four] : [four, six]
    const records = both(first, second)
    if (records.length === 0) return { failed: 'ENODATA' }
    const isPartial = [v6, v4].some(family => typeof family === 'string' && !SAYS_NO.has(family))
    const ttl = Math.max(0, Math.min(...records.map(record => record.ttl))) * 1000
    return {
      addresses: [...new Set(records.map(({ address }) => address))],
      ttl: isPartial ? Math.min(ttl, PARTIAL_TTL) : ttl,
    }
  }
}

/** Records, or the code of the failure, of IPv6 and of IPv4. */
type Family = readonly RecordWithTtl[] | string
type Families = readonly [v6: Family, v4: Family]

/** The answer is no, or none for this family. */
const SAYS_NO: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA'])
const GOES_ON: ReadonlySet<string> = new Set([...SAYS_NO, 'ESERVFAIL'])

/** The one that tells more: a server that says no about one family and nothing about the other has not said no. */
const worse = (a: string, b: string): string => {
  if (!SAYS_NO.has(a)) return a
  if (!SAYS_NO.has(b)) return b
  return a === 'ENODATA' ? a : b
}

/** Both families are kept, whichever has more; the first one's addresses come first. */
function both(first: readonly RecordWithTtl[], second: readonly RecordWithTtl[]): readonly RecordWithTtl[] {
  const half = MAX_ADDRESSES / 2
  const kept = first.slice(0, Math.max(half, MAX_ADDRESSES - second.length))
  return [...kept, ...second.slice(0, MAX_ADDRESSES - kept.length)]
}

/** Asks for both families at once. Resolves when no question is in flight on the channel. */
function askFamilies(resolver: Resolver, name: string): Promise<Families> {
  return new Promise(resolve => {
    const found: { v6?: Family; v4?: Family } = {}
    const giveUp = (): void => resolve([found.v6 ?? 'ECANCELLED', found.v4 ?? 'ECANCELLED'])
    let delay: NodeJS.Timeout | undefined
    const enter = (family: 'v6' | 'v4', answer: Family): void => {
      found[family] = answer
      const { v6, v4 } = found
      if (v6 !== undefined && v4 !== undefined) {
        clearTimeout(delay)
        resolve([v6, v4])
      } else if (typeof answer !== 'string') delay = after(FAMILY_DELAY, () => resolver.cancel(), giveUp)
    }
    const ask = (family: 'v6' | 'v4', type: 'resolve6' | 'resolve4'): void => {
      try {
        resolver[type](name, { ttl: true }, (error, records) =>
          enter(family, error === null ? records : (error.code ?? 'EBADRESP')),
        )
      } catch {
        enter(family, 'EBADNAME')
      }
    }
    ask('v6', 'resolve6')
    ask('v4', 'resolve4')
  })
}

/** Milliseconds for which the interfaces are remembered. */
const INTERVAL = 10_000

let checkedAt = Number.NEGATIVE_INFINITY
let hasIpv6 = false

/**
 * Whether this machine has a global IPv6 address. The system's resolver puts IPv6 first then, and IPv4 otherwise (RFC 6724):
 * an address that cannot be reached is not tried first.
 */
function hasGlobalIpv6(): boolean {
  const now = performance.now()
  if (now - checkedAt < INTERVAL) return hasIpv6
  checkedAt = now
  hasIpv6 = Object.values(networkInterfaces()).some(addresses =>
    addresses?.some(({ address, internal }) => !internal && /^[23][0-9a-f]{3}:/i.test(address)),
  )
  return hasIpv6
}
