/** Files of the system's resolver that the proxy's own resolver reads, too. */
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Outcome } from './source.js'

/** Addresses by name in lower case, in the order of the file. */
export type Hosts = ReadonlyMap<string, readonly string[]>

/** Reads a file such as /etc/hosts. Lines that mean nothing are passed over, as the system does. */
export function readHosts(text: string): Hosts {
  const hosts = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/)
    if (isIP(address) === 0) continue
    for (const name of names) {
      const key = name.toLowerCase()
      const addresses = hosts.get(key)
      if (addresses === undefined) hosts.set(key, [address])
      else if (!addresses.includes(address)) addresses.push(address)
    }
  }
  return hosts
}

/** What /etc/resolv.conf says. */
export interface ResolvConf {
  /** `address` or `[address]:port`. */
  readonly nameservers: readonly string[]
  /** Domains that are tried behind a name. */
  readonly search: readonly string[]
  /** A name with fewer dots is tried with the domains first. */
  readonly ndots: number
}

/** As many as resolv.conf(5) allows: one name must not become a long row of questions. */
const MAX_SEARCH = 6
const MAX_NDOTS = 15

/** Reads a file such as /etc/resolv.conf; see resolv.conf(5). Without a name server it is the one of this machine. */
export function readResolvConf(text: string): ResolvConf {
  const nameservers: string[] = []
  let search: readonly string[] = []
  let ndots = 1
  for (const line of text.split('\n')) {
    if (/^\s*[#;]/.test(line)) continue
    const [keyword, ...values] = line.trim().split(/\s+/)
    if (keyword === 'nameserver') nameservers.push(...usable(values[0] ?? ''))
    else if (keyword === 'search') search = values
    else if (keyword === 'domain') search = values.slice(0, 1)
    else if (keyword === 'options') ndots = ndotsOf(values) ?? ndots
  }
  return {
    nameservers: nameservers.length > 0 ? nameservers : ['127.0.0.1'],
    search: search.map(toDomain).filter(isDomain).slice(0, MAX_SEARCH),
    ndots,
  }
}

/** An address that is only good on one interface (`fe80::1%eth0`) cannot be given to `node:dns`. */
const usable = (address: string): readonly string[] =>
  isIP(address) !== 0 && !address.includes('%') ? [address] : []

function ndotsOf(options: readonly string[]): number | undefined {
  const digits = options.map(option => /^ndots:(\d{1,4})$/.exec(option)?.[1]).findLast(Boolean)
  return digits === undefined ? undefined : Math.min(Number(digits), MAX_NDOTS)
}

const toDomain = (domain: string): string => domain.toLowerCase().replace(/^\.+|\.+$/g, '')
const isDomain = (domain: string): boolean => domain !== '' && domain.length <= 253

/** The names that are asked for, in this order, until one of them has addresses. */
export function candidates(
  name: string,
  { search, ndots }: Pick<ResolvConf, 'search' | 'ndots'>,
): readonly string[] {
  if (name.endsWith('.')) return [name]
  const dots = name.split('.').length - 1
  const within = search.map(domain => `${name}.${domain}`)
  return dots >= ndots ? [name, ...within] : [...within, name]
}

/** As the system's resolver orders them. */
const LOOPBACK: readonly string[] = ['::1', '127.0.0.1']

/**
 * Names that no name server is asked about (RFC 6761 sections 6.3 and 6.4, RFC 7686): `localhost` is this machine, also with
 * labels in front; `invalid` and `onion` have no addresses in the DNS.
 * @param name in lower case, without a dot at the end
 * @param hosts /etc/hosts, which may say which loopback addresses `localhost` has
 */
export function specialName(name: string, hosts: Hosts | undefined): Outcome | undefined {
  if (name === 'localhost' || name.endsWith('.localhost')) {
    const own = (hosts?.get(name) ?? []).filter(address => address === '::1' || address.startsWith('127.'))
    return { addresses: own.length > 0 ? own : LOOPBACK, ttl: 0 }
  }
  const isNone = /(?:^|\.)(?:invalid|onion)$/.test(name)
  return isNone ? { failed: 'ENOTFOUND' } : undefined
}

/** How often the file is looked at, in milliseconds. */
const INTERVAL = 1000

/** A file of this size or more is not read: it is no configuration. */
const MAX_BYTES = 16 * 1024 * 1024

/**
 * A file of the system, read again when it has changed. It is looked at when its value is wanted, once a second at most:
 * a local `stat` takes microseconds, and a watcher misses files that are replaced or mounted. A missing file is an empty
 * one.
 */
export class WatchedFile<T> {
  readonly #path: string
  readonly #parse: (text: string) => T
  readonly #now: () => number
  #checkedAt: number
  #seen = ''
  #value: T

  /** @param now milliseconds of a clock that does not jump */
  constructor(path: string, parse: (text: string) => T, now: () => number = () => performance.now()) {
    this.#path = path
    this.#parse = parse
    this.#now = now
    this.#checkedAt = now()
    this.#seen = this.#stamp()
    this.#value = parse(this.#text())
  }

  /** The same object as long as the file has not changed. */
  get value(): T {
    const now = this.#now()
    if (now - this.#checkedAt < INTERVAL) return this.#value
    this.#checkedAt = now
    const stamp = this.#stamp()
    if (stamp !== this.#seen) {
      this.#seen = stamp
      this.#value = this.#parse(this.#text())
    }
    return this.#value
  }

  #stamp(): string {
    try {
      const { mtimeMs, ctimeMs, size, ino } = statSync(this.#path)
      return `${mtimeMs} ${ctimeMs} ${size} ${ino}`
    } catch {
      return ''
    }
  }

  #text(): string {
    try {
      return statSync(this.#path).size < MAX_BYTES ? readFileSync(this.#path, 'utf8') : ''
    } catch {
      return ''
    }
  }
}
