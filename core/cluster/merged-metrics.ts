import type { Measured } from '../admin/samples.js'
import type { MetricsSource } from '../program/open-admin.js'
import { unlessGone } from './calls.js'
import { Counted } from './counted.js'
import { ADDING_METRICS, isCounted, type Metric } from './counted-metrics.js'
import type { LastFigures } from './member.js'
import { ADDING_TOTALS } from './merged-sums.js'
import type { ServingProcess } from './supervisor.js'

type Place = Pick<ServingProcess, 'ask' | 'isServing' | 'started'>

/**
 * The metrics of all processes, each added up. There are none while a process does not answer: sums without it would fall, and rise
 * again, as counters never do. What a process that has ended had counted stays in the sums; its gauges leave with it.
 */
export class MergedMetrics implements Pick<MetricsSource, 'text' | 'measure' | 'close'> {
  readonly #places: readonly Place[]
  readonly #counted = new Counted(ADDING_METRICS)
  /** The same for what `ctl status` shows. */
  readonly totals = new Counted(ADDING_TOTALS)
  #isAsked = false

  constructor(places: readonly Place[]) {
    this.#places = places
  }

  /** A process serves from now on. It counts from now on where the others do: with the first question (`metricsOf`). */
  began(place: Place): void {
    this.#counted.began(place.started)
    this.totals.began(place.started)
    if (this.#isAsked) this.#ask(place, 'metrics').catch(() => undefined)
  }

  /** The last figures of a process that ends by itself. @param last undefined where it could not tell them */
  takeLast(process: number, last: LastFigures | undefined): void {
    if (last === undefined) return
    this.#note(process, last.metrics as readonly Metric[])
    this.totals.note(process, last.totals)
  }

  readonly ended = (process: number): void => {
    this.#counted.ended(process)
    this.totals.ended(process)
  }

  readonly text = async (): Promise<string> => {
    this.#isAsked = true
    const { AggregatorRegistry } = await import('prom-client')
    const all = await Promise.all(this.#serving.map(place => this.#ask(place, 'metrics')))
    const now = all.map(metrics => metrics.filter(metric => !isCounted(metric)))
    // The sums of this moment: a process may have ended since it has answered.
    return AggregatorRegistry.aggregate([...this.#counted.all, ...now] as object[]).metrics()
  }

  /** What the page plots; and what has been counted until now, in case that a process is killed. */
  readonly measure = async (): Promise<readonly Measured[]> => {
    this.#isAsked = true
    const [measured] = await Promise.all([
      Promise.all(this.#serving.map(measureOne)),
      Promise.all(this.#serving.map(place => this.#ask(place, 'counted'))),
    ])
    return measured.flat()
  }

  readonly close = (): void => undefined

  get #serving(): readonly Place[] {
    return this.#places.filter(({ isServing }) => isServing)
  }

  async #ask(place: Place, name: 'metrics' | 'counted'): Promise<readonly Metric[]> {
    const { started } = place
    const metrics = (await unlessGone(place.ask(name))) as readonly Metric[] | undefined
    if (metrics !== undefined) this.#note(started, metrics)
    return metrics ?? []
  }

  #note(process: number, metrics: readonly Metric[]): void {
    this.#counted.note(process, metrics.filter(isCounted))
  }
}

async function measureOne(place: Place): Promise<readonly Measured[]> {
  const process = String(place.started)
  const values = await unlessGone(place.ask('sample'))
  return values === undefined ? [] : [{ process, values: values as Measured['values'] }]
}
