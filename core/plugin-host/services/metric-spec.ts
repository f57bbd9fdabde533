import type { MetricLabels, PluginMetrics } from '../../api/metrics.js'
import { ProxyError } from '../../base/errors.js'

/** A metric as it was declared, checked: plain data. */
export interface MetricSpec {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly buckets: readonly number[] | undefined
}

/** One value for a metric: plain data. `labels` has every label of the metric. */
export interface Measure {
  readonly name: string
  readonly op: 'inc' | 'set' | 'observe'
  readonly value: number
  readonly labels: MetricLabels
}

const NAME = /^[a-z][a-z0-9_]{0,99}$/
const MAX_HELP = 500
const MAX_LABELS = 8
const MAX_BUCKETS = 50
const MAX_LABEL_VALUE = 100

/**
 * What a plugin is handed: it checks what the plugin passes, here and in workers alike.
 * @param declare, measure take what has been checked
 */
export function metricsWith(
  declare: (spec: MetricSpec) => void,
  measure: (measure: Measure) => void,
): PluginMetrics {
  const make = (kind: MetricSpec['kind'], options: unknown): MetricSpec => {
    const spec = readSpec(kind, options)
    declare(spec)
    return spec
  }
  const put = (
    { kind, name, labels: names }: MetricSpec,
    op: Measure['op'],
    value: unknown,
    labels: unknown,
  ): void => {
    if (typeof value !== 'number' || !Number.isFinite(value) || (kind === 'counter' && value < 0))
      throw wrong(`${name} takes a number${kind === 'counter' ? ' that is not negative' : ''}`)
    measure({ name, op, value, labels: readLabels(name, names, labels) })
  }
  return Object.freeze<PluginMetrics>({
    counter: options => {
      const spec = make('counter', options)
      return Object.freeze({ inc: (labels?: MetricLabels, by: number = 1) => put(spec, 'inc', by, labels) })
    },
    gauge: options => {
      const spec = make('gauge', options)
      return Object.freeze({
        set: (value: number, labels?: MetricLabels) => put(spec, 'set', value, labels),
        inc: (labels?: MetricLabels, by: number = 1) => put(spec, 'inc', by, labels),
      })
    },
    histogram: options => {
      const spec = make('histogram', options)
      return Object.freeze({
        observe: (value: number, labels?: MetricLabels) => put(spec, 'observe', value, labels),
      })
    },
  })
}

/** @throws {ProxyError} PTC_PLUGIN_CALL */
function readSpec(kind: MetricSpec['kind'], options: unknown): MetricSpec {
  const { name, help, labels = [], buckets, ...others } = (options ?? {}) as Record<string, unknown>
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw wrong(`there is no option ${unknown}`)
  if (typeof name !== 'string' || !NAME.test(name))
    throw wrong('a name has lower-case letters, digits and _, and begins with a letter')
  if (typeof help !== 'string' || help === '' || help.length > MAX_HELP)
    throw wrong(`${name} needs a line of help`)
  const isNames =
    Array.isArray(labels) && labels.every(label => typeof label === 'string' && NAME.test(label))
  if (
    !isNames ||
    labels.length > MAX_LABELS ||
    new Set(labels).size !== labels.length ||
    labels.includes('le')
  )
    throw wrong(`${name} has at most ${MAX_LABELS} labels, named as metrics are, and not le`)
  if (buckets !== undefined && (kind !== 'histogram' || !isBuckets(buckets)))
    throw wrong(`${name}: buckets are ascending numbers, at most ${MAX_BUCKETS}, of a histogram`)
  return Object.freeze({
    kind,
    name,
    help,
    labels: Object.freeze([...(labels as string[])]),
    buckets: buckets === undefined ? undefined : Object.freeze([...(buckets as number[])]),
  })
}

function isBuckets(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= MAX_BUCKETS &&
    value.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > value[i - 1]))
  )
}

function readLabels(metric: string, names: readonly string[], labels: unknown = {}): MetricLabels {
  const given = labels as Readonly<Record<string, unknown>> | null
  if (typeof given !== 'object' || given === null) throw wrong(`the labels of ${metric} are an object`)
  const unknown = Object.keys(given).find(name => !names.includes(name))
  if (unknown !== undefined) throw wrong(`${metric} has no label ${unknown}`)
  return Object.fromEntries(names.map(name => [name, String(given[name] ?? '').slice(0, MAX_LABEL_VALUE)]))
}

const wrong = (what: string): ProxyError => new ProxyError('PTC_PLUGIN_CALL', `metrics: ${what}`)
