/** Records whose text is a list: what each of them says. */
import { isIP } from 'node:net'
import { didYouMean } from '../base/nearest.js'
import { partsOf, quote, type Reading } from './config-file.js'

const FORWARDED_PARTS = ['for', 'by=ip', 'by=unknown', 'proto', 'host'] as const
export type ForwardedPart = (typeof FORWARDED_PARTS)[number]

/** Reads `for|by=ip|proto`; blanks and colons separate as well, as in Traffic Server. */
export function readForwarded(text: string): Reading<{ readonly parts: readonly ForwardedPart[] }> {
  const words = text.split(/[\s|:]+/).filter(word => word !== '' && word !== 'none')
  const parts = FORWARDED_PARTS.filter(part => words.includes(part))
  const wrong = words
    .filter(word => !FORWARDED_PARTS.some(part => part === word))
    .map(
      word =>
        `${quote(word)} is no part; the parts are ${FORWARDED_PARTS.join(', ')}${didYouMean(word, FORWARDED_PARTS)}`,
    )
  return { parts, wrong }
}

/** Without these a message has another meaning, or another end. */
const KEPT = /^(?:host|connection|content-length|transfer-encoding|te|trailer|upgrade|keep-alive|expect)$/

/** Reads names of fields, with commas or blanks between them. The names are in lower case. */
export function readFieldList(text: string): Reading<{ readonly names: readonly string[] }> {
  const names = partsOf(text.toLowerCase())
  const wrong = names.flatMap(name => {
    if (KEPT.test(name))
      return [`${quote(name)} frames a request or belongs to its connection, and is not removed`]
    return /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) ? [] : [`${quote(name)} is no name of a field`]
  })
  return { names, wrong }
}

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

const PORTS_REMEDY =
  'write numbers such as 443, ranges such as 1024-2047, or * for all, with blanks or commas between'

const ALL: PortRange = { first: 0, last: 65_535 }

/** Reads proxy.config.http.connect_ports: numbers, ranges such as `0-1023`, and `*`, separated by blanks or commas. */
export function readConnectPorts(text: string): Reading<{ readonly ranges: readonly PortRange[] }> {
  const ranges: PortRange[] = []
  const wrong: string[] = []
  for (const part of partsOf(text)) {
    const range = part === '*' ? ALL : readRange(part)
    if (typeof range === 'string') wrong.push(range)
    else ranges.push(range)
  }
  if (ranges.length + wrong.length === 0) wrong.push(`the list names no port; ${PORTS_REMEDY}`)
  return { ranges, wrong }
}

/** What is wrong with it is a text. */
function readRange(part: string): PortRange | string {
  const [, low, high = low] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? []
  if (low === undefined) return `${quote(part)} is no port; ${PORTS_REMEDY}`
  const [first, last] = [Number(low), Number(high)]
  if (Math.max(first, last) > ALL.last) return `${quote(part)}: ports end at ${ALL.last}`
  return first <= last ? { first, last } : `${quote(part)} begins above its end; write ${last}-${first}`
}

export function isPortIn(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some(({ first, last }) => first <= port && port <= last)
}

const SERVERS_REMEDY =
  'write addresses such as 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53, with blanks or commas between'

/** Reads proxy.config.dns.nameservers. The servers are as `node:dns` takes them. */
export function readNameservers(text: string): Reading<{ readonly servers: readonly string[] }> {
  const servers: string[] = []
  const wrong: string[] = []
  for (const part of partsOf(text)) {
    const server = readServer(part)
    if (server === undefined) wrong.push(`${quote(part)} is no address of a name server; ${SERVERS_REMEDY}`)
    else servers.push(server)
  }
  if (servers.length + wrong.length === 0) wrong.push(`the list names no server; ${SERVERS_REMEDY}`)
  return { servers, wrong }
}

function readServer(part: string): string | undefined {
  if (isIP(part) === 6) return isUsable(part) ? `[${part}]` : undefined
  const [, v6, v4 = '', digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(part) ?? []
  const address = v6 ?? v4
  const port = digits === undefined ? 53 : Number(digits)
  const isAddress = isIP(address) === (v6 === undefined ? 4 : 6) && isUsable(address)
  if (!isAddress || port < 1 || port > 65_535) return undefined
  return v6 === undefined ? `${address}:${port}` : `[${address}]:${port}`
}

/** An address with a zone (`fe80::1%eth0`) cannot be given to `node:dns`. */
const isUsable = (address: string): boolean => !address.includes('%')
