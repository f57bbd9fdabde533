import type { PluginPeers } from '../../api/plugin.js'
import { ProxyError } from '../../base/errors.js'

/** Characters of a message as JSON. */
const MAX_MESSAGE = 262_144

/** Sends to the other processes. @returns when those of this machine have received it */
export type Publish = (plugin: string, message: unknown) => Promise<void>

/** How one plugin is reached, and reaches the others. */
export interface PeersOfPlugin {
  readonly send: PluginPeers['send']
  /** @returns removes the listener */
  readonly listen: (listener: (message: unknown) => void) => () => void
}

/** Hands a message, as JSON, to a worker. Never rejected. @returns when its listeners have been called, or it has ended */
export type ToPeer = (text: string) => Promise<void>

/** A worker among the instances of its plugin. */
export interface JoinedPeer {
  /** Tells all others. What it passes may be anything. @throws {ProxyError} PTC_PLUGIN_CALL */
  readonly send: (text: unknown) => Promise<void>
  readonly leave: () => void
}

/** The same, with the end that workers arrive at. */
export interface HostedPeers extends PeersOfPlugin {
  readonly join: (deliver: ToPeer) => JoinedPeer
}

/**
 * Hands the messages of other instances to plugins. An instance is what shares no memory with the others: all of the plugin in
 * this thread, each of its workers, and the same in each other process. It outlives reloads: workers of the plugin that are
 * retired still receive them.
 */
export class PeerHub {
  readonly #publish: Publish
  readonly #listeners = new Map<string, Set<(message: unknown) => void>>()
  readonly #workers = new Map<string, Set<ToPeer>>()

  /** @param publish sends to the other processes; without it there are none */
  constructor(publish: Publish = async () => {}) {
    this.#publish = publish
  }

  of(plugin: string): HostedPeers {
    return {
      send: async message => {
        const text = messageText(message)
        await Promise.all([this.#publish(plugin, JSON.parse(text)), this.#toWorkers(plugin, text)])
      },
      listen: listener => enter(this.#listeners, plugin, listener),
      join: deliver => ({
        leave: enter(this.#workers, plugin, deliver),
        send: async given => {
          const text = readText(given)
          this.#toListeners(plugin, JSON.parse(text))
          await Promise.all([this.#publish(plugin, JSON.parse(text)), this.#toWorkers(plugin, text, deliver)])
        },
      }),
    }
  }

  /** A message of another process. The listeners throw nothing. @returns when all of this process have been called */
  async deliver(plugin: string, message: unknown): Promise<void> {
    this.#toListeners(plugin, message)
    await this.#toWorkers(plugin, JSON.stringify(message ?? null))
  }

  #toListeners(plugin: string, message: unknown): void {
    for (const listener of [...(this.#listeners.get(plugin) ?? [])]) listener(message)
  }

  async #toWorkers(plugin: string, text: string, from?: ToPeer): Promise<void> {
    const others = [...(this.#workers.get(plugin) ?? [])].filter(deliver => deliver !== from)
    await Promise.all(others.map(deliver => deliver(text)))
  }
}

/** @returns takes it out again */
function enter<T>(all: Map<string, Set<T>>, plugin: string, one: T): () => void {
  const ofPlugin = all.get(plugin) ?? new Set()
  all.set(plugin, ofPlugin)
  ofPlugin.add(one)
  return () => {
    ofPlugin.delete(one)
    if (ofPlugin.size === 0 && all.get(plugin) === ofPlugin) all.delete(plugin)
  }
}

/** A message as JSON. @throws {ProxyError} PTC_PLUGIN_CALL */
export function messageText(message: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(message)
  } catch (cause) {
    throw new ProxyError('PTC_PLUGIN_CALL', 'peers: the message cannot be written as JSON', { cause })
  }
  if (text !== undefined && text.length <= MAX_MESSAGE) return text
  throw new ProxyError('PTC_PLUGIN_CALL', `peers: a message is JSON of at most ${MAX_MESSAGE} characters`)
}

/** The text of a worker's message: it is written again, because a thread that runs a plugin can post anything. */
function readText(given: unknown): string {
  try {
    if (typeof given === 'string' && given.length <= MAX_MESSAGE) return messageText(JSON.parse(given))
  } catch {
    // It is no JSON.
  }
  throw new ProxyError('PTC_PLUGIN_CALL', `peers: a message is JSON of at most ${MAX_MESSAGE} characters`)
}
