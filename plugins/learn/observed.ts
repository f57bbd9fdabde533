/** How often something was seen, by what it is. */
export type Counts = Readonly<Record<string, number>>

/** What has been seen of one host and port. */
export interface Seen {
  readonly count: number
  /** Milliseconds since the epoch. */
  readonly first: number
  readonly last: number
  /** Names of the leaf's issuers, types of its keys (`ec`), and SHA-256 of its keys in base64. */
  readonly issuers: Counts
  readonly keys: Counts
  readonly spkis: Counts
  /** Users, or addresses where there is no login. */
  readonly clients: Counts
  /** Errors of the built-in check. */
  readonly failures: Counts
}

/** What has been seen of all of them, by `host:port`, and of how many there was no room. */
export interface Observed {
  readonly since: number
  readonly hosts: Readonly<Record<string, Seen>>
  readonly others: number
}

/** One handshake. */
export interface Sighting {
  readonly key: string
  readonly at: number
  /** Undefined for a chain that has failed the built-in check. */
  readonly issuer: string | undefined
  readonly keyType: string | undefined
  readonly spki: string | undefined
  readonly client: string | undefined
  readonly failure: string | undefined
}

const MAX_HOSTS = 10_000
/** Entries of one kind for one host; the most frequent ones stay. */
const MAX_KINDS = 20
/** What a client or an origin has chosen is cut to so many characters. */
const MAX_TEXT = 200

export const nothingSince = (since: number): Observed => ({ since, hosts: Object.create(null), others: 0 })

const one = (what: string | undefined): Counts => (what === undefined ? {} : { [what.slice(0, MAX_TEXT)]: 1 })

export function seenOnce({ at, issuer, keyType, spki, client, failure }: Sighting): Seen {
  const kinds = { issuers: one(issuer), keys: one(keyType), spkis: one(spki) }
  return { count: 1, first: at, last: at, ...kinds, clients: one(client), failures: one(failure) }
}

/** Both together. */
export function merge(a: Observed, b: Observed): Observed {
  const hosts: Record<string, Seen> = Object.assign(Object.create(null), a.hosts)
  let size = Object.keys(hosts).length
  let others = a.others + b.others
  for (const [key, seen] of Object.entries(b.hosts)) {
    const known = hosts[key]
    if (known !== undefined) hosts[key] = mergeSeen(known, seen)
    else if (size < MAX_HOSTS) {
      hosts[key] = seen
      size++
    } else others += seen.count
  }
  return { since: Math.min(a.since, b.since), hosts, others }
}

export function mergeSeen(a: Seen, b: Seen): Seen {
  return {
    count: a.count + b.count,
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
    issuers: mergeCounts(a.issuers, b.issuers),
    keys: mergeCounts(a.keys, b.keys),
    spkis: mergeCounts(a.spkis, b.spkis),
    clients: mergeCounts(a.clients, b.clients),
    failures: mergeCounts(a.failures, b.failures),
  }
}

function mergeCounts(a: Counts, b: Counts): Counts {
  const sum = new Map(Object.entries(a))
  for (const [what, count] of Object.entries(b)) sum.set(what, (sum.get(what) ?? 0) + count)
  return Object.fromEntries(byCount(sum).slice(0, MAX_KINDS))
}

/** Most frequent first. */
export const byCount = (counts: Iterable<readonly [string, number]>): [string, number][] =>
  [...counts]
    .map(([what, count]): [string, number] => [what, count])
    .sort((x, y) => y[1] - x[1] || (x[0] < y[0] ? -1 : 1))

const WRONG = 'is not what learn has written; move it away to begin anew'

/** @throws {Error} for a text that is not what `JSON.stringify` makes of an Observed */
export function parseObserved(text: string): Observed {
  const { since, hosts, others } = JSON.parse(text) as Partial<Observed>
  if (typeof since !== 'number' || typeof others !== 'number' || typeof hosts !== 'object' || hosts === null)
    throw new Error(WRONG)
  for (const seen of Object.values(hosts)) if (typeof seen.count !== 'number') throw new Error(WRONG)
  return { since, others, hosts: Object.assign(Object.create(null), hosts) }
}
