import type { PluginState } from '../../api/plugin.js'
import { metricsWith } from '../services/metric-spec.js'
import { messageText, type PeersOfPlugin } from '../services/peers.js'
import type { PluginServices } from '../services/services.js'
import { readValue } from '../services/state.js'
import type { WorkerCalls } from './calls.js'
import type { FromWorker } from './messages.js'
import { bodyText, fromPlainAnswer, type PlainAnswer, unless } from './plain-fetch.js'

/** What JSON leaves out of a list would be another value in the proxy. */
const copyOf = (value: unknown): unknown => JSON.parse(readValue(value))

/** In a worker: the listeners for messages of the other instances. They throw nothing. */
export class PeerListeners {
  readonly #listeners = new Set<(message: unknown) => void>()

  readonly listen: PeersOfPlugin['listen'] = listener => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  deliver(text: string): void {
    for (const listener of [...this.#listeners]) listener(JSON.parse(text))
  }
}

/** The services of a plugin in a worker: done in the proxy, where all workers of the plugin share them. */
export function workerServices(
  calls: WorkerCalls,
  peers: PeerListeners,
  managedAt: () => string | undefined,
  send: (message: FromWorker) => void,
): PluginServices {
  return {
    managedAt,
    peers: {
      send: async message => void (await calls.call('peers.send', messageText(message))),
      listen: peers.listen,
    },
    state: Object.freeze<PluginState>({
      get: key => calls.call('state.get', key),
      set: async (key, value, options) => void (await calls.call('state.set', key, copyOf(value), options)),
      add: async (key, value, options) =>
        (await calls.call('state.add', key, copyOf(value), options)) === true,
      delete: async key => (await calls.call('state.delete', key)) === true,
      increment: async (key, by, options) => Number(await calls.call('state.increment', key, by, options)),
      keys: async prefix => (await calls.call('state.keys', prefix)) as string[],
    }),
    fetch: async (url, { signal, body, ...options } = {}) => {
      const call = calls.call('fetch', url, {
        ...options,
        ...(body === undefined ? {} : { body: bodyText(body) }),
      })
      return fromPlainAnswer((await unless(signal, call)) as PlainAnswer)
    },
    metrics: metricsWith(
      spec => send({ did: 'metric', spec }),
      measure => send({ did: 'measure', measure }),
    ),
  }
}
