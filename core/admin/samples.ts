/**
 * The last hour of what the page plots. The proxy measures it, so a page that opens shows the hour at once, and all pages show
 * the same.
 */
import { describe } from '../base/thrown.js'
import { every } from '../base/timer.js'

/** Milliseconds between two measurements, and how many are kept: one hour. */
const PERIOD = 5000
const KEPT = 720
/** Series at most: names of plugins are labels, and reloads may change them. */
const MAX_SERIES = 500
/** What is now; every other metric is a counter. */
const GAUGES: readonly string[] = ['portcullis_parked']

/** What the page plots. */
export const PLOTTED = [
  'portcullis_handshakes_total',
  'portcullis_deadlines_missed_total',
  'portcullis_parked',
  'portcullis_hold_seconds',
] as const

/** A metric as the library of metrics writes it: a histogram is several of them, which its types do not say. */
interface Metric {
  readonly name: string
  readonly values: readonly {
    readonly value: number
    readonly labels: Readonly<Record<string, string | number | undefined>>
  }[]
}

/** Figures by name with labels, as Prometheus writes them; of histograms, sum and count. */
export function plotted(metrics: readonly (Metric | undefined)[]): Measured['values'] {
  const rows = metrics.flatMap(
    metric => metric?.values.map(row => [partOf(metric.name, row), row] as const) ?? [],
  )
  const wanted = rows.filter(([part]) => !part.endsWith('_bucket'))
  return Object.fromEntries(wanted.map(([part, { labels, value }]) => [part + labelsText(labels), value]))
}

const partOf = (name: string, row: object): string =>
  (row as { readonly metricName?: string }).metricName ?? name

const labelsText = (labels: Metric['values'][number]['labels']): string => {
  const parts = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(String(value))}`)
  return parts.length === 0 ? '' : `{${parts.join()}}`
}

/** The metrics of one process, by name with labels. */
export interface Measured {
  /** Tells processes apart. */
  readonly process: string
  readonly values: Readonly<Record<string, number>>
}

/** By name: a value for each of the times; null before the metric was there. */
export interface Series {
  readonly name: string
  readonly values: readonly (number | null)[]
}

export interface SampleRows {
  /** Milliseconds between two measurements. */
  readonly every: number
  /** Milliseconds since the epoch; where a measurement failed there is a gap. */
  readonly times: readonly number[]
  readonly series: readonly Series[]
}

interface Row {
  readonly at: number
  readonly values: ReadonlyMap<string, number>
}

/**
 * Counters are sums of what the processes have counted while they were measured: a process that ends takes nothing away, and its
 * successor adds what it has counted since its start.
 */
export class Samples {
  readonly #measure: () => Promise<readonly Measured[]>
  readonly #rows: Row[] = []
  readonly #sums = new Map<string, number>()
  #before: ReadonlyMap<string, Measured['values']> = new Map()
  #isBusy = false
  #timer: NodeJS.Timeout | undefined

  constructor(measure: () => Promise<readonly Measured[]>) {
    this.#measure = measure
  }

  /** @param onError called with the text of an error that was thrown in the timer */
  start(onError: (message: string) => void): void {
    void this.take()
    this.#timer = every(
      PERIOD,
      () => void this.take(),
      why => onError(describe(why)),
    ).unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Measures. Nothing is kept while a process does not answer: the next measurement has what this one lacks. */
  async take(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    try {
      const measured = await this.#measure()
      if (measured.length > 0) this.#keep(measured)
    } catch {
      // The page and /metrics say which process does not answer.
    } finally {
      this.#isBusy = false
    }
  }

  /** Those measured after `since`, milliseconds since the epoch. */
  after(since: number): SampleRows {
    const rows = this.#rows.filter(({ at }) => at > since)
    const names = [...new Set(rows.flatMap(({ values }) => [...values.keys()]))]
    const series = names.map(name => ({ name, values: rows.map(({ values }) => values.get(name) ?? null) }))
    return { every: PERIOD, times: rows.map(({ at }) => at), series }
  }

  #keep(measured: readonly Measured[]): void {
    const isFirst = this.#rows.length === 0
    for (const name of this.#sums.keys()) if (GAUGES.includes(name)) this.#sums.set(name, 0)
    for (const { process, values } of measured) {
      const before = isFirst ? values : (this.#before.get(process) ?? {})
      for (const [name, value] of Object.entries(values)) this.#add(name, value, before[name] ?? 0)
    }
    this.#before = new Map(measured.map(({ process, values }) => [process, values]))
    this.#rows.push({ at: Date.now(), values: new Map(this.#sums) })
    if (this.#rows.length > KEPT) this.#rows.shift()
  }

  #add(name: string, value: number, before: number): void {
    const sum = this.#sums.get(name)
    if (sum === undefined && this.#sums.size >= MAX_SERIES) return
    const grown = value >= before ? value - before : value
    this.#sums.set(name, (sum ?? 0) + (GAUGES.includes(name) ? value : grown))
  }
}
