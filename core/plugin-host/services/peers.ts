import type { PluginPeers } from '../../api/peers.js'
import { ProxyError } from '../../base/errors.js'

/** Characters of a message as JSON. */
const MAX_MESSAGE = 262_144

/** Tells the other processes. @returns when those of this machine have been told */
export type Publish = (plugin: string, message: unknown) => Promise<void>

/** How one plugin is reached, and reaches the others. */
export interface PeersOfPlugin {
  readonly send: PluginPeers['send']
  /** @returns removes the listener */
  readonly listen: (listener: (message: unknown) => void) => () => void
}

/** Hands the messages of other processes to plugins. It outlives reloads. */
export class PeerHub {
  readonly #publish: Publish
  readonly #listeners = new Map<string, Set<(message: unknown) => void>>()

  /** @param publish sends to the other processes; without it there are none */
  constructor(publish: Publish = async () => {}) {
    this.#publish = publish
  }

  of(plugin: string): PeersOfPlugin {
    return {
      send: async message => await this.#publish(plugin, plainCopy(message)),
      listen: listener => {
        const all = this.#listeners.get(plugin) ?? new Set()
        this.#listeners.set(plugin, all)
        all.add(listener)
        return () => void all.delete(listener)
      },
    }
  }

  /** A message of another process. The listeners throw nothing. */
  deliver(plugin: string, message: unknown): void {
    for (const listener of [...(this.#listeners.get(plugin) ?? [])]) listener(message)
  }
}

/** In a worker thread: there are no messages, and both calls throw. */
export const NO_PEERS: PeersOfPlugin = {
  send: async () => {
    throw inWorker()
  },
  listen: () => {
    throw inWorker()
  },
}

const inWorker = (): ProxyError =>
  new ProxyError('PTC_PLUGIN_CALL', 'peers does not work with @isolate=worker')

/** @throws {ProxyError} PTC_PLUGIN_CALL */
function plainCopy(message: unknown): unknown {
  let text: string | undefined
  try {
    text = JSON.stringify(message)
  } catch (cause) {
    throw new ProxyError('PTC_PLUGIN_CALL', 'peers: the message cannot be written as JSON', { cause })
  }
  if (text !== undefined && text.length <= MAX_MESSAGE) return JSON.parse(text)
  throw new ProxyError('PTC_PLUGIN_CALL', `peers: a message is JSON of at most ${MAX_MESSAGE} characters`)
}
