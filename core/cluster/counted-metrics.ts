/** Counters and histograms of processes, added up as plain data. */
import type { Adding } from './counted.js'

/** A metric as the library of metrics writes it: a histogram is rows of several names. */
export interface Metric {
  readonly name: string
  readonly type: string
  readonly values: readonly MetricValue[]
}

interface MetricValue {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  /** Of a part of a histogram. */
  readonly metricName?: string
}

/** Combinations of label values that are kept of processes that have ended, for each metric; further ones are counted together. */
const MAX_SERIES = 1000
const OTHER = 'other'

/** Whether a metric only grows. Every other one is about now, and ends with its process. */
export const isCounted = ({ type }: Metric): boolean => type === 'counter' || type === 'histogram'

/** A metric that a process declares otherwise begins anew, as it does within one process. */
export const ADDING_METRICS: Adding<readonly Metric[]> = {
  add: (past, last) => {
    const sums = new Map(past.map(metric => [metric.name, metric]))
    for (const metric of last) {
      const sum = sums.get(metric.name)
      sums.set(metric.name, sum !== undefined && isSameKind(sum, metric) ? sumOf(sum, metric) : metric)
    }
    return [...sums.values()]
  },
  fitting: (past, figures) => {
    const now = new Map(figures.map(metric => [metric.name, metric]))
    return past.filter(metric => isSameKind(metric, now.get(metric.name) ?? metric))
  },
}

function sumOf(one: Metric, other: Metric): Metric {
  const series = new Set(one.values.map(({ labels }) => seriesOf(labels)))
  const rows = new Map(one.values.map(row => [keyOf(row), row]))
  for (const given of other.values) {
    const isKept = series.has(seriesOf(given.labels)) || series.size < MAX_SERIES
    if (isKept) series.add(seriesOf(given.labels))
    const row = isKept ? given : { ...given, labels: withoutValues(given.labels) }
    const before = rows.get(keyOf(row))?.value ?? 0
    rows.set(keyOf(row), { ...row, value: before + row.value })
  }
  return { ...one, values: [...rows.values()] }
}

/** The labels but for the bound of a bucket: all rows of a series stay together. */
const seriesOf = ({ le: _, ...labels }: MetricValue['labels']): string => labelsText(labels)

const keyOf = ({ metricName = '', labels }: MetricValue): string => `${metricName} ${labelsText(labels)}`

const labelsText = (labels: MetricValue['labels']): string =>
  JSON.stringify(
    Object.keys(labels)
      .sort()
      .map(name => [name, labels[name]]),
  )

const withoutValues = ({ le, ...labels }: MetricValue['labels']): MetricValue['labels'] => ({
  ...(le === undefined ? {} : { le }),
  ...Object.fromEntries(Object.keys(labels).map(name => [name, OTHER])),
})

/** Whether two metrics of one name can be added up: the same type, labels and buckets. One without rows fits all. */
function isSameKind(one: Metric, other: Metric): boolean {
  if (one.type !== other.type) return false
  return one.values.length === 0 || other.values.length === 0 || shapeOf(one) === shapeOf(other)
}

function shapeOf({ values }: Metric): string {
  const names = Object.keys(values[0]?.labels ?? {}).filter(name => name !== 'le')
  const bounds = new Set(values.flatMap(({ labels: { le } }) => le ?? []))
  return JSON.stringify([names.sort(), [...bounds].map(String).sort()])
}
