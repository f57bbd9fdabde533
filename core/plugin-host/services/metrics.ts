import { createRequire } from 'node:module'
import type { MetricLabels } from '../../api/metrics.js'
import { ProxyError } from '../../base/errors.js'
import type { Measure, MetricSpec } from './metric-spec.js'

type Prom = typeof import('prom-client')

/** Combinations of label values that one metric has; what comes beyond them is counted together. */
const MAX_SERIES = 200
const OTHER = 'other'
/** Metrics of one plugin. */
const MAX_METRICS = 100

const require = createRequire(import.meta.url)

/** One metric that has been declared, and which combinations of label values it has. */
interface Declared {
  readonly spec: string
  readonly series: Set<string>
  readonly measure: (op: Measure['op'], labels: Record<string, string>, value: number) => void
}

/**
 * The metrics of all plugins, as long as the process lasts. The library is loaded with the first metric.
 */
export class PluginMetricsRegistry {
  #registry: InstanceType<Prom['Registry']> | undefined
  readonly #declared = new Map<string, Map<string, Declared>>()

  /** @throws {ProxyError} PTC_PLUGIN_CALL when the plugin has too many metrics */
  declare(plugin: string, spec: MetricSpec): void {
    const all = this.#declared.get(plugin) ?? new Map<string, Declared>()
    this.#declared.set(plugin, all)
    const text = JSON.stringify(spec)
    const before = all.get(spec.name)
    if (before?.spec === text) return
    if (before === undefined && all.size >= MAX_METRICS)
      throw new ProxyError('PTC_PLUGIN_CALL', `metrics: a plugin has at most ${MAX_METRICS} metrics`)
    const name = fullName(plugin, spec.name)
    const prom = require('prom-client') as Prom
    this.#registry ??= new prom.Registry()
    this.#registry.removeSingleMetric(name)
    const { help, labels: labelNames, kind, buckets } = spec
    const common = { name, help, labelNames: [...labelNames], registers: [this.#registry] }
    all.set(spec.name, { spec: text, series: new Set(), measure: make() })

    function make(): Declared['measure'] {
      if (kind === 'counter') {
        const counter = new prom.Counter(common)
        return (_op, labels, value) => counter.inc(labels, value)
      }
      if (kind === 'gauge') {
        const gauge = new prom.Gauge(common)
        return (op, labels, value) => (op === 'set' ? gauge.set(labels, value) : gauge.inc(labels, value))
      }
      const histogram = new prom.Histogram(
        buckets === undefined ? common : { ...common, buckets: [...buckets] },
      )
      return (_op, labels, value) => histogram.observe(labels, value)
    }
  }

  measure(plugin: string, { name, op, value, labels }: Measure): void {
    const metric = this.#declared.get(plugin)?.get(name)
    if (metric === undefined) return // a reload has begun to measure something else in its place
    metric.measure(op, bounded(labels, metric.series), value)
  }

  /** All of them in the text format of Prometheus; empty without any. */
  async text(): Promise<string> {
    return (await this.#registry?.metrics()) ?? ''
  }

  /** The same as plain data. */
  async json(): Promise<readonly object[]> {
    return (await this.#registry?.getMetricsAsJSON()) ?? []
  }
}

function bounded(labels: MetricLabels, series: Set<string>): Record<string, string> {
  const key = JSON.stringify(labels)
  if (series.has(key) || series.size < MAX_SERIES) {
    series.add(key)
    return { ...labels }
  }
  return Object.fromEntries(Object.keys(labels).map(name => [name, OTHER]))
}

/** Names of plugins may have what names of metrics may not. */
function fullName(plugin: string, name: string): string {
  return `portcullis_plugin_${plugin.replace(/[^a-zA-Z0-9_]/g, '_')}_${name}`
}
