/** Values for the labels of a metric, by their names. A missing one is empty. */
export type MetricLabels = Readonly<Record<string, string>>

/** What a metric is called, and what it is about. */
export interface MetricOptions {
  /**
   * Lower-case letters, digits and `_`, beginning with a letter. The whole name is `portcullis_plugin_`, the plugin's name,
   * `_` and this; the name of a counter should end in `_total`, and others in their unit: `_seconds`, `_bytes`.
   */
  readonly name: string
  /** One line for people. */
  readonly help: string
  /** Names of its labels, at most 8. */
  readonly labels?: readonly string[]
}

export interface HistogramOptions extends MetricOptions {
  /** Upper bounds, ascending, at most 50; default: 5 ms to 10 s, in seconds. */
  readonly buckets?: readonly number[]
}

/** A number that only grows. */
export interface Counter {
  /** @param by default 1; not negative */
  readonly inc: (labels?: MetricLabels, by?: number) => void
}

/** A number that goes up and down. */
export interface Gauge {
  readonly set: (value: number, labels?: MetricLabels) => void
  /** @param by default 1; may be negative */
  readonly inc: (labels?: MetricLabels, by?: number) => void
}

/** How values are distributed. */
export interface Histogram {
  readonly observe: (value: number, labels?: MetricLabels) => void
}

/**
 * The metrics of a plugin, in the form of Prometheus. They outlive reloads; all workers count in the same metric. A metric
 * that is declared again with the same options goes on; with others it begins anew.
 *
 * A metric has at most 200 combinations of label values; the values of what comes beyond that are all `other`. A value has
 * at most 100 characters.
 *
 * Each call throws a {@link ProxyError} PTC_PLUGIN_CALL for what is not a name, a number or a label of the metric.
 */
export interface PluginMetrics {
  readonly counter: (options: MetricOptions) => Counter
  readonly gauge: (options: MetricOptions) => Gauge
  readonly histogram: (options: HistogramOptions) => Histogram
}
