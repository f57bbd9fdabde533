/** Entries of the stream in Redis: their ids, and whether one is missing, was moved, or comes a second time. */
import { LRUCache } from 'lru-cache'

/** Milliseconds that an entry lives. */
export const LIFE = 24 * 3_600_000
/** Milliseconds by which the clock of a process may differ from that of Redis; two processes differ by twice as much at most. */
export const MAX_SKEW = 25_000
/** Milliseconds between the moment that an entry names and its id, which has the time of Redis. */
export const MAX_WAY = 60_000
/** Writers that are known; an older one counts as new. */
const MAX_WRITERS = 10_000

export interface StreamEntry {
  readonly id: string
  readonly sealed: Buffer
}

/** What XREAD answers: streams, of each its entries, of each its id and its fields; null after a wait for nothing. */
export function entriesIn(reply: unknown): readonly StreamEntry[] {
  if (!Array.isArray(reply)) return []
  const [[, entries = []] = []] = reply as readonly (readonly [
    unknown,
    readonly (readonly [Buffer, readonly Buffer[]])[],
  ])[]
  return entries.flatMap(([id, [, sealed]]) => (sealed === undefined ? [] : [{ id: id.toString(), sealed }]))
}

/** The id of the newest entry in the answer to XREVRANGE; undefined for an empty stream. */
export function newestIn(reply: unknown): string | undefined {
  const [[id] = []] = (Array.isArray(reply) ? reply : []) as readonly (readonly unknown[])[]
  return Buffer.isBuffer(id) ? id.toString() : undefined
}

/** Milliseconds since the epoch, by the clock of Redis; NaN for what is no id. */
export const timeOf = (id: string): number => Number(id.split('-')[0])

/** Whether an entry, by its id `milliseconds-number`, is far from its end. */
export const isYoung = (id: string): boolean => timeOf(id) > Date.now() - 0.9 * LIFE

/** Whether an entry was put there when it was sealed, at `at`: else it was moved, or the clock of its process is wrong. */
export const isInTime = (id: string, at: number): boolean => Math.abs(timeOf(id) - at) <= MAX_WAY

/**
 * Each process numbers its entries, within the seal. So a program that can write to Redis cannot repeat an entry, and what it takes
 * out is noticed with the next entry of the same process.
 */
export class EntryNumbers {
  readonly #last = new LRUCache<string, number>({ max: MAX_WRITERS })

  /** @returns `again`: it has come before; `gap`: others are missing before it */
  see(writer: string, number: number): 'next' | 'gap' | 'again' {
    const last = this.#last.get(writer)
    if (last !== undefined && number <= last) return 'again'
    this.#last.set(writer, number)
    return last === undefined || number === last + 1 ? 'next' : 'gap'
  }
}
