import { partsOf, quote, type Reading } from './config-file.js'

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

const REMEDY =
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
  if (ranges.length + wrong.length === 0) wrong.push(`the list names no port; ${REMEDY}`)
  return { ranges, wrong }
}

/** What is wrong with it is a text. */
function readRange(part: string): PortRange | string {
  const [, low, high = low] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? []
  if (low === undefined) return `${quote(part)} is no port; ${REMEDY}`
  const [first, last] = [Number(low), Number(high)]
  if (Math.max(first, last) > ALL.last) return `${quote(part)}: ports end at ${ALL.last}`
  return first <= last ? { first, last } : `${quote(part)} begins above its end; write ${last}-${first}`
}

export function isPortIn(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some(({ first, last }) => first <= port && port <= last)
}
