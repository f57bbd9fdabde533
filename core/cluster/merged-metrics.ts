import type { MetricsSource } from '../program/open-admin.js'
import type { ServingProcess } from './supervisor.js'

/** The metrics of all processes that serve, each added up. */
export function mergedMetrics(
  places: readonly Pick<ServingProcess, 'call' | 'isServing'>[],
): Pick<MetricsSource, 'text' | 'close'> {
  return {
    text: async () => {
      const { AggregatorRegistry } = await import('prom-client')
      const serving = places.filter(({ isServing }) => isServing)
      const all = await Promise.allSettled(serving.map(place => place.call('metrics')))
      const known = all.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      return AggregatorRegistry.aggregate(known as object[]).metrics()
    },
    close: () => {},
  }
}
