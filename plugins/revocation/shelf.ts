import { LRUCache } from 'lru-cache'
import type { AnswerFiles } from './answer-files.js'
import { NoAnswer } from './no-answer.js'
import { endOf, type Validity } from './times.js'

/** How long a failure is remembered, milliseconds. */
const FAILED_FOR = 10_000
const MAX_FAILURES = 10_000
/** The share of its life after which an answer is fetched again, and the longest time until then. */
const REFRESH_SHARE = 0.75
const REFRESH_WITHIN = 6 * 3_600_000
const REFRESH_PAUSE = 60_000

/** What can be kept: it says how long it counts, and how much memory it takes. */
export interface Keepable extends Validity {
  readonly size: number
}

/** An answer in force. Times are milliseconds since the epoch. */
export interface Kept<T> {
  readonly value: T
  /** When it is fetched again. */
  readonly refreshAt: number
}

/** One source: how its answers are fetched and read. Both throw for what is no answer. */
export interface Source<T> {
  readonly url: string
  /** Equal for sources of the same answer. */
  readonly key: string
  readonly maxBytes: number
  readonly fetch: () => Promise<{ readonly value: T; readonly bytes: Buffer }>
  readonly open: (bytes: Buffer) => Promise<T>
}

/** Answers in memory, by the keys of their sources. It outlives a reload, which makes a new shelf. */
export type Memory<T> = LRUCache<string, Kept<T>>

/** @param maxSize bytes of all answers */
export const makeMemory = <T extends Keepable>(maxSize: number): Memory<T> =>
  new LRUCache({ maxSize, sizeCalculation: ({ value }) => value.size })

/** An answer that was used, and where it came from. */
interface Used<T> {
  readonly kept: Kept<T>
  readonly source: Source<T>
}

export interface ShelfOptions {
  /** Fetches at the same time. */
  readonly maxFetches: number
  readonly files: AnswerFiles | undefined
  readonly maxAge: number | undefined
  readonly schedule: (fn: () => void, ms: number) => void
  /** Answers in use are fetched again in time, also when nothing asks then. */
  readonly isRenewing: boolean
  readonly warn: (message: string) => void
}

/**
 * Answers of sources, in memory and in files.
 *
 *     in memory and in force? -> a failure remembered? -> being fetched? join it -> in a file? -> fetch
 *
 * An answer that is used is fetched again before it ends. A fetch goes on when nothing waits for it any more: a list that
 * is too large for the time of one handshake is there for the next.
 */
export class Shelf<T extends Keepable> {
  readonly #options: ShelfOptions
  readonly #kept: Memory<T>
  readonly #failures = new LRUCache<string, string>({ max: MAX_FAILURES, ttl: FAILED_FOR })
  readonly #fetching = new Map<string, Promise<Kept<T>>>()
  readonly #used = new Map<string, Used<T>>()

  constructor(memory: Memory<T>, options: ShelfOptions) {
    this.#options = options
    this.#kept = memory
    if (options.isRenewing) this.#renewLater()
  }

  #renewLater(): void {
    this.#options.schedule(() => {
      for (const [key, { kept, source }] of [...this.#used])
        if (this.#kept.peek(key) !== kept) this.#used.delete(key)
        else if (kept.refreshAt <= Date.now()) this.#refresh(source)
      this.#renewLater()
    }, REFRESH_PAUSE)
  }

  /** @throws {Error} why there is no answer */
  async get(source: Source<T>): Promise<Kept<T>> {
    const { key } = source
    const kept = this.#inForce(key)
    if (kept === undefined) return await this.#obtain(source)
    if (this.#options.isRenewing) this.#used.set(key, { kept, source })
    if (kept.refreshAt <= Date.now()) this.#refresh(source)
    return kept
  }

  #inForce(key: string): Kept<T> | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    try {
      endOf(kept.value, this.#options.maxAge)
      return kept
    } catch {
      return undefined
    }
  }

  #obtain(source: Source<T>): Promise<Kept<T>> {
    const { key } = source
    const known = this.#fetching.get(key)
    if (known !== undefined) return known
    const failure = this.#failures.get(key)
    if (failure !== undefined) return Promise.reject(new NoAnswer(failure))
    if (this.#fetching.size >= this.#options.maxFetches)
      return Promise.reject(new NoAnswer('too many sources are being asked'))
    const obtained = this.#load(source)
    this.#fetching.set(key, obtained)
    obtained
      .catch((cause: unknown) => this.#failures.set(key, textOf(cause)))
      .finally(() => this.#fetching.delete(key))
    return obtained
  }

  async #load(source: Source<T>): Promise<Kept<T>> {
    const { key, maxBytes } = source
    const { files, warn } = this.#options
    const before = this.#kept.peek(key)
    const stored = await files?.read(key, maxBytes)
    const found = stored && (await this.#open(source, stored))
    // Another process may have fetched a younger one. What it has stored is not replaced by an older answer.
    if (found !== undefined && !(before && found.thisUpdate <= before.value.thisUpdate))
      return this.#keep(source, found)
    const { value, bytes } = await source.fetch()
    endOf(value, this.#options.maxAge)
    // An older answer may be a replay, of the time before a revocation.
    const isOlder = before !== undefined && value.thisUpdate < before.value.thisUpdate
    if (isOlder && this.#inForce(key) !== undefined) return this.#keep(source, before.value)
    await files?.write(key, bytes).catch((cause: unknown) => warn(`cache_dir: ${textOf(cause)}`))
    return this.#keep(source, value)
  }

  async #open({ open }: Source<T>, bytes: Buffer): Promise<T | undefined> {
    try {
      const value = await open(bytes)
      endOf(value, this.#options.maxAge)
      return value
    } catch {
      return undefined
    }
  }

  #keep(source: Source<T>, value: T): Kept<T> {
    const now = Date.now()
    const end = endOf(value, this.#options.maxAge, now)
    const share = Math.min((end - now) * REFRESH_SHARE, REFRESH_WITHIN)
    const kept = { value, refreshAt: now + Math.max(share, REFRESH_PAUSE) }
    this.#kept.set(source.key, kept)
    return kept
  }

  #refresh(source: Source<T>): void {
    this.#obtain(source).catch((cause: unknown) => {
      const kept = this.#kept.peek(source.key)
      // Nothing more is said of one that has failed a moment ago.
      if (kept === undefined || kept.refreshAt > Date.now()) return
      this.#options.warn(`${source.url}: not renewed: ${textOf(cause)}`)
      const later = { ...kept, refreshAt: Date.now() + REFRESH_PAUSE }
      this.#kept.set(source.key, later)
      if (this.#used.has(source.key)) this.#used.set(source.key, { kept: later, source })
    })
  }
}

export const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : 'it failed')
