/** From runs to figures: medians with their range, and ratios within a round. */
import { type Spread, spread } from '../figures.js'
import { type Contestant, type Run, TESTS, type TestName } from './results.js'

interface Measure {
  readonly test: TestName
  readonly label: string
  readonly digits: number
  /** Whether a ratio to the base means something: CPU is steady, rates hang on the load side and on other processes. */
  readonly isCompared: boolean
  readonly isPlotted: boolean
  readonly of: (run: Run) => number | undefined
}

const MEASURES: readonly Measure[] = [
  cost('hs', 'new handshake and request, µs CPU', 0, 'proxy_cpu_us_per_req'),
  rate('hs', 'new handshakes, requests/s', 'rps'),
  cost('ka', '1 KB on pooled connections, µs CPU', 0, 'proxy_cpu_us_per_req'),
  rate('ka', '1 KB on pooled connections, requests/s', 'rps'),
  cost('bulk', 'bulk, s CPU per GB', 2, 'proxy_cpu_s_per_GB'),
  rate('bulk', 'bulk, MB/s', 'MBps'),
  held('KB per handshake', 0, true, 'kb_per_susp_total'),
  held('CPU ms per handshake', 2, false, 'proxy_cpu_ms_per_susp'),
  held("neighbour's p50, ms", 1, false, 'probe', 'during', 'p50'),
  held("neighbour's p99, ms", 1, true, 'probe', 'during', 'p99'),
  held("neighbour's p99 once held, ms", 1, false, 'probe', 'settled', 'p99'),
  held('p99 of a probe past the proxy, ms', 1, false, 'control', 'during', 'p99'),
]

function cost(test: TestName, label: string, digits: number, key: string): Measure {
  return { test, label, digits, isCompared: true, isPlotted: true, of: run => run.number(key) }
}

function rate(test: TestName, label: string, key: string): Measure {
  return { test, label, digits: 0, isCompared: false, isPlotted: false, of: run => run.number(key) }
}

function held(label: string, digits: number, isPlotted: boolean, ...path: readonly string[]): Measure {
  const of = (run: Run): number | undefined => (hasHeld(run) ? run.number(...path) : undefined)
  return { test: 'susp', label, digits, isCompared: false, isPlotted, of }
}

/** A proxy that lets requests through before their time, or dies, has held nothing: its figures are of something else. */
export const hasHeld = (run: Run): boolean => (run.number('before_delay') ?? 0) === 0 && run.isAlive

export interface Cell {
  readonly contestant: Contestant
  readonly runs: number
  readonly value: Spread
  /** To the base in the same round; absent for the base, and where there is nothing to compare. */
  readonly ratio: Spread | undefined
}

export interface Row {
  readonly test: TestName
  readonly variant: string
  readonly label: string
  readonly digits: number
  readonly isPlotted: boolean
  /** Only of those that have figures. */
  readonly cells: readonly Cell[]
}

export const isSame = (a: Contestant, b: Contestant): boolean => a.name === b.name && a.mode === b.mode

/** @param base the contestant that ratios are taken to */
export function makeRows(runs: readonly Run[], base: string): readonly Row[] {
  const good = runs.filter(run => run.error === undefined)
  return TESTS.flatMap(test => {
    const ofTest = good.filter(run => run.test === test)
    return [...new Set(ofTest.map(run => run.variant))].flatMap(variant => {
      const alike = ofTest.filter(run => run.variant === variant)
      return MEASURES.filter(measure => measure.test === test).map(measure => row(measure, alike, base))
    })
  }).filter(({ cells }) => cells.length > 0)
}

function row(measure: Measure, runs: readonly Run[], base: string): Row {
  const { test, label, digits, isPlotted } = measure
  const cells = contestantsOf(runs).flatMap((contestant): readonly Cell[] => {
    const own = runs.filter(run => isSame(run.contestant, contestant))
    const values = own.flatMap(run => measure.of(run) ?? [])
    if (values.length === 0) return []
    const ratio = measure.isCompared ? ratioTo(measure, contestant, own, runs, base) : undefined
    return [{ contestant, runs: values.length, value: spread(values), ratio }]
  })
  return { test, variant: runs[0]?.variant ?? '', label, digits, isPlotted, cells }
}

/** Within one round. A contestant without a hook is compared with the base without one, if that was measured. */
function ratioTo(
  measure: Measure,
  contestant: Contestant,
  own: readonly Run[],
  runs: readonly Run[],
  base: string,
): Spread | undefined {
  if (contestant.name === base) return undefined
  const bases = runs.filter(run => run.contestant.name === base)
  const sameMode = bases.filter(run => run.contestant.mode === contestant.mode)
  const against = sameMode.length > 0 ? sameMode : bases.filter(run => run.contestant.mode === 'hook')
  const ratios = own.flatMap(run => {
    const other = against.find(({ round }) => round === run.round)
    const [value, to] = [measure.of(run), other === undefined ? undefined : measure.of(other)]
    return value === undefined || to === undefined || to === 0 ? [] : [value / to]
  })
  return ratios.length === 0 ? undefined : spread(ratios)
}

const ORDER = ['portcullis', 'ats', 'squid', 'squid-cached', 'nginx-fwd', 'node-naive', 'mitmproxy']

/** Everyone, ourselves first. */
export function contestantsOf(runs: readonly Run[]): readonly Contestant[] {
  const all: Contestant[] = []
  for (const { contestant } of runs) {
    if (!all.some(other => isSame(other, contestant))) all.push(contestant)
  }
  const rank = ({ name }: Contestant): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length)
  return all.sort((a, b) => rank(a) - rank(b) || a.mode.localeCompare(b.mode))
}

const NAMES: Readonly<Record<string, string>> = {
  portcullis: 'Portcullis',
  ats: 'Traffic Server',
  'ats-sleep': 'Traffic Server, hook sleeps',
  squid: 'Squid',
  'squid-cached': 'Squid, results cached',
  'squid-defconc': 'Squid, default helpers',
  'nginx-fwd': 'nginx',
  'node-naive': 'tls.connect proxy',
}

export const nameOf = ({ name, mode }: Contestant): string =>
  `${NAMES[name] ?? name}${mode === 'hook' ? '' : ', no hook'}`
