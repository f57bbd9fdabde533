import type { PluginFetch } from '../../api/fetch.js'
import type { PluginMetrics } from '../../api/metrics.js'
import type { PluginState } from '../../api/plugin.js'
import { TopicHub, type TopicsOfPlugin } from '../topics/hub.js'
import { type Measure, type MetricSpec, metricsWith } from './metric-spec.js'
import { PluginMetricsRegistry } from './metrics.js'
import { type HostedPeers, PeerHub, type PeersOfPlugin, type Publish } from './peers.js'
import { MemoryStore, type StateStore, stateOn } from './state.js'

/** What a plugin's context has beyond its own life. */
export interface PluginServices {
  readonly state: PluginState
  readonly metrics: PluginMetrics
  readonly fetch: PluginFetch
  readonly peers: PeersOfPlugin
  /** The address of the management port. */
  readonly managedAt: () => string | undefined
}

/** The same, with the ends that workers arrive at. */
export interface HostedServices extends PluginServices {
  readonly peers: HostedPeers
  readonly topics: TopicsOfPlugin
  readonly declare: (spec: MetricSpec) => void
  readonly measure: (measure: Measure) => void
}

/** What outlives the plugins: made once for the process. */
export class SharedServices {
  readonly metrics = new PluginMetricsRegistry()
  readonly peers: PeerHub
  readonly #topics = new TopicHub()
  readonly #stores = new Map<string, StateStore>()
  readonly #makeStore: (plugin: string) => StateStore

  /** @param makeStore where the state of a plugin is kept @param publish sends to the other processes */
  constructor(makeStore: (plugin: string) => StateStore = () => new MemoryStore(), publish?: Publish) {
    this.#makeStore = makeStore
    this.peers = new PeerHub(publish)
  }

  /** Those of one plugin, by its name. @param fetch of its generation */
  of(plugin: string, fetch: PluginFetch, managedAt = (): string | undefined => undefined): HostedServices {
    const store = this.#stores.get(plugin) ?? this.#makeStore(plugin)
    this.#stores.set(plugin, store)
    const { metrics } = this
    const declare = (spec: MetricSpec): void => metrics.declare(plugin, spec)
    const measure = (one: Measure): void => metrics.measure(plugin, one)
    return {
      state: stateOn(store),
      metrics: metricsWith(declare, measure),
      fetch,
      peers: this.peers.of(plugin),
      topics: this.#topics.of(plugin),
      managedAt,
      declare,
      measure,
    }
  }
}
