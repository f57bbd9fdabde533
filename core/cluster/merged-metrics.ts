import type { Measured } from '../admin/samples.js'
import type { MetricsSource } from '../program/open-admin.js'
import { unlessGone } from './calls.js'
import type { ServingProcess } from './supervisor.js'

/**
 * The metrics of all processes that serve, each added up. There are none while a process does not answer: sums without it would
 * fall, and rise again, as counters never do.
 */
export function mergedMetrics(
  places: readonly Pick<ServingProcess, 'ask' | 'isServing' | 'started'>[],
): Pick<MetricsSource, 'text' | 'measure' | 'close'> {
  const measureOne = async (place: (typeof places)[number]): Promise<readonly Measured[]> => {
    const process = String(place.started)
    const values = await unlessGone(place.ask('sample'))
    return values === undefined ? [] : [{ process, values: values as Measured['values'] }]
  }
  return {
    measure: async () =>
      (await Promise.all(places.filter(({ isServing }) => isServing).map(measureOne))).flat(),
    text: async () => {
      const { AggregatorRegistry } = await import('prom-client')
      const serving = places.filter(({ isServing }) => isServing)
      const all = await Promise.all(serving.map(place => unlessGone(place.ask('metrics'))))
      return AggregatorRegistry.aggregate(all.filter(one => one !== undefined) as object[]).metrics()
    },
    close: () => {},
  }
}
