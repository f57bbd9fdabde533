import type { MetricsSource } from '../program/open-admin.js'
import { unlessGone } from './calls.js'
import type { ServingProcess } from './supervisor.js'

/**
 * The metrics of all processes that serve, each added up. There are none while a process does not answer: sums without it would
 * fall, and rise again, as counters never do.
 */
export function mergedMetrics(
  places: readonly Pick<ServingProcess, 'ask' | 'isServing'>[],
): Pick<MetricsSource, 'text' | 'close'> {
  return {
    text: async () => {
      const { AggregatorRegistry } = await import('prom-client')
      const serving = places.filter(({ isServing }) => isServing)
      const all = await Promise.all(serving.map(place => unlessGone(place.ask('metrics'))))
      return AggregatorRegistry.aggregate(all.filter(one => one !== undefined) as object[]).metrics()
    },
    close: () => {},
  }
}
