import { parseHost } from '../base/host.js'
import { type LinearTest, linearPattern } from '../base/linear-pattern.js'
import { type AddressSet, readRanges } from './address-range.js'
import { quote } from './config-file.js'

/** What must be true of a request; what is undefined is not asked about. */
export interface ParentMatch {
  /** The host, or what it ends in behind a dot; '' for every host. */
  readonly domain?: string | undefined
  readonly host?: string | undefined
  /** The addresses of hosts, where the URL has an address and no name. */
  readonly ip?: AddressSet | undefined
  readonly url?: LinearTest | undefined
  readonly ports?: readonly [number, number] | undefined
  readonly scheme?: 'http' | 'https' | undefined
  readonly method?: string | undefined
  /** What the path begins with, without its first slash. */
  readonly prefix?: string | undefined
  /** What the path ends in. */
  readonly suffix?: string | undefined
  /** Minutes of the day, in the time of this machine; from the first to the second, which may be smaller. */
  readonly time?: readonly [number, number] | undefined
  readonly clients?: AddressSet | undefined
}

const DESTINATIONS = ['dest_domain', 'dest_host', 'dest_ip', 'url_regex'] as const
export const MATCH_KEYS: readonly string[] = [
  ...DESTINATIONS,
  'port',
  'scheme',
  'method',
  'prefix',
  'suffix',
  'time',
  'src_ip',
]

/** @returns or what is wrong */
export function readMatch(values: ReadonlyMap<string, string>): ParentMatch | string {
  const named = DESTINATIONS.filter(key => values.has(key))
  if (named.length !== 1)
    return `a line has one destination, ${DESTINATIONS.join(', ')}; this one has ${named.length === 0 ? 'none' : named.join(' and ')}`
  const problems: string[] = []
  const read = <T>(key: string, reader: (text: string) => T | { readonly wrong: string }): T | undefined => {
    const text = values.get(key)
    if (text === undefined) return undefined
    const value = reader(text)
    if (typeof value !== 'object' || value === null || !('wrong' in value)) return value as T
    problems.push(`${key} ${value.wrong}`)
    return undefined
  }
  const match: ParentMatch = {
    domain: read('dest_domain', readDomain),
    host: read('dest_host', readHost),
    ip: read('dest_ip', readAddresses),
    url: read('url_regex', readPattern),
    ports: read('port', readPorts),
    scheme: read('scheme', readScheme),
    method: read('method', text => text.toUpperCase()),
    prefix: read('prefix', text => text.replace(/^\//, '')),
    suffix: read('suffix', text => text),
    time: read('time', readTime),
    clients: read('src_ip', readAddresses),
  }
  return problems[0] ?? match
}

const readDomain = (text: string): string | { readonly wrong: string } => {
  const bare = text.replace(/^\./, '')
  return bare === '' ? '' : readHost(bare)
}

const readHost = (text: string): string | { readonly wrong: string } =>
  parseHost(text.replace(/^\[(.*)\]$/, '$1'))?.name ?? { wrong: `is no host name: ${quote(text)}` }

function readAddresses(text: string): AddressSet | { readonly wrong: string } {
  const { addresses, wrong } = readRanges(text)
  return wrong[0] === undefined ? addresses : { wrong: `cannot be read: ${wrong[0]}` }
}

function readPattern(text: string): LinearTest | { readonly wrong: string } {
  const found = linearPattern(`(?s:.*)(?:${text})`, { anchor: 'beginning' })
  return 'wrong' in found ? { wrong: found.wrong.replace('(?s:.*)', '') } : found
}

function readPorts(text: string): readonly [number, number] | { readonly wrong: string } {
  const [, from = '', to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
  const [first, last] = [Number(from), Number(to)]
  return first >= 1 && first <= last && last <= 65_535
    ? [first, last]
    : { wrong: `is no port and no range of ports: ${quote(text)}` }
}

const readScheme = (text: string): 'http' | 'https' | { readonly wrong: string } => {
  const scheme = text.toLowerCase()
  return scheme === 'http' || scheme === 'https'
    ? scheme
    : { wrong: `must be http or https, not ${quote(text)}` }
}

function readTime(text: string): readonly [number, number] | { readonly wrong: string } {
  const [, a = '', b = '', c = '', d = ''] = /^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(text) ?? []
  const [from, to] = [Number(a) * 60 + Number(b), Number(c) * 60 + Number(d)]
  const isRight = a !== '' && Number(b) < 60 && Number(d) < 60 && from <= 1440 && to <= 1440
  return isRight ? [from, to] : { wrong: `must be HH:MM-HH:MM, not ${quote(text)}` }
}

/** A request, as lines of parent.config are asked about it. */
export interface ParentQuestion {
  readonly scheme: 'http' | 'https'
  /** As {@link import('../base/host.js').Host} has it. */
  readonly host: string
  readonly port: number
  readonly method: string
  /** Absolute. Of a CONNECT: `https://host:port/`. */
  readonly url: string
  readonly client: string
}

/** @param now minutes of the day */
export function matches(match: ParentMatch, question: ParentQuestion, now: number): boolean {
  const { domain, host, ip, url, ports, scheme, method, prefix, suffix, time, clients } = match
  const { host: asked, port, client } = question
  const isFor =
    (domain === undefined || domain === '' || asked === domain || asked.endsWith(`.${domain}`)) &&
    (host === undefined || asked === host) &&
    (ip === undefined || ip.has(asked)) &&
    (url === undefined || url(question.url))
  if (!isFor) return false
  if (ports !== undefined && (port < ports[0] || port > ports[1])) return false
  if (scheme !== undefined && scheme !== question.scheme) return false
  if (method !== undefined && method !== question.method) return false
  if (time !== undefined && !isDuring(time, now)) return false
  if (clients !== undefined && !clients.has(client)) return false
  if (prefix === undefined && suffix === undefined) return true
  const path = pathOf(question.url)
  return (prefix === undefined || path.startsWith(prefix)) && (suffix === undefined || path.endsWith(suffix))
}

const isDuring = ([from, to]: readonly [number, number], now: number): boolean =>
  from <= to ? now >= from && now < to : now >= from || now < to

/** Without its first slash and without the query. */
const pathOf = (url: string): string => /^[^:]*:\/\/[^/?]*\/?([^?]*)/.exec(url)?.[1] ?? ''
