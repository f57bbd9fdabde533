import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { LRUCache } from 'lru-cache'

/** How long answers are used, in milliseconds; 0 asks anew every time. Asked for with every answer: a reload may change it. */
export interface LookupTtl {
  readonly found: () => number
  readonly failed: () => number
}

type Answer = readonly [error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]]
type Resolve = (
  hostname: string,
  options: LookupOptions & { all: true },
  done: (...answer: Answer) => void,
) => void

/** Names that are kept: about 200 bytes each. */
const MAX_NAMES = 10_000

/**
 * Remembers what names mean. The system's resolver tells addresses and not how long they hold, so the bound is ours; and
 * it blocks a thread for as long as it takes, so those who ask for the same name at once share one question.
 */
export class CachedLookup {
  readonly #ttl: LookupTtl
  readonly #resolve: Resolve
  readonly #known = new LRUCache<string, Answer>({ max: MAX_NAMES })
  readonly #asking = new Map<string, ((answer: Answer) => void)[]>()

  constructor(ttl: LookupTtl, resolve: Resolve = systemLookup) {
    this.#ttl = ttl
    this.#resolve = resolve
  }

  /** For net.connect. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.#ask(hostname, options, ([error, addresses]) => {
      const [first] = addresses
      if (error !== null || first === undefined) callback(error, [])
      else if (options.all === true) callback(null, [...addresses])
      else callback(null, first.address, first.family)
    })
  }

  /** What a name means has turned out to be of no use: the next one asks anew. */
  forget(hostname: string): void {
    for (const key of this.#known.keys())
      if (key.endsWith(` ${hostname.toLowerCase()}`)) this.#known.delete(key)
  }

  clear(): void {
    this.#known.clear()
  }

  #ask(hostname: string, { family = 0, hints = 0 }: LookupOptions, done: (answer: Answer) => void): void {
    const name = hostname.toLowerCase()
    const key = `${family}/${hints} ${name}`
    const known = this.#known.get(key)
    if (known !== undefined) {
      queueMicrotask(() => done(known))
      return
    }
    const asking = this.#asking.get(key)
    if (asking !== undefined) {
      asking.push(done)
      return
    }
    const waiting = [done]
    this.#asking.set(key, waiting)
    this.#resolve(name, { family, hints, all: true }, (error, addresses) => {
      const answer: Answer = error === null ? [null, addresses] : [error, []]
      this.#asking.delete(key)
      const ttl = error === null ? this.#ttl.found() : this.#ttl.failed()
      if (ttl > 0) this.#known.set(key, answer, { ttl })
      for (const one of waiting) one(answer)
    })
  }
}
