interface Lookups {
  hits: number
  misses: number
}

const none = (): Lookups => ({ hits: 0, misses: 0 })

/** Hits and misses of each cache in this process, since its start. */
export const LOOKUPS = {
  addresses: none(),
  connections: none(),
  fleet_sessions: none(),
  fleet_verdicts: none(),
  leaves: none(),
  names: none(),
  sessions: none(),
  verdicts: none(),
}

/** Counts one lookup. @returns what was found */
export function lookedUp<T>(cache: keyof typeof LOOKUPS, found: T | undefined): T | undefined {
  LOOKUPS[cache][found === undefined ? 'misses' : 'hits'] += 1
  return found
}

/** Labels and number of each. */
export function* cacheLookups(): Generator<readonly [Readonly<Record<string, string>>, number]> {
  for (const [cache, { hits, misses }] of Object.entries(LOOKUPS)) {
    yield [{ cache, result: 'hit' }, hits]
    yield [{ cache, result: 'miss' }, misses]
  }
}
