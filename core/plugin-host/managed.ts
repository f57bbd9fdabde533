import { ProxyError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import type { ManagedCalls } from './topics/answers.js'
import { isTopic, partsOf, TOPICS } from './topics/answers.js'
import { callsOf } from './topics/calls.js'

/** A topic, and the name of the plugin that has it. */
export type TopicOwner = readonly [topic: keyof ManagedCalls, plugin: string]

/** What the plugins of one plugin.config offer to operators. */
export class Managed {
  readonly #topics: Partial<ManagedCalls> = {}
  readonly #owners: Map<keyof ManagedCalls, string>

  /** @param taken topics of plugins elsewhere: in a worker, of the other plugins */
  constructor(taken: readonly TopicOwner[] = []) {
    this.#owners = new Map(taken)
  }

  /** In the order in which they were offered. */
  get owners(): readonly TopicOwner[] {
    return [...this.#owners]
  }

  /** What can be called here. */
  get topics(): readonly (keyof ManagedCalls)[] {
    return TOPICS.filter(topic => this.#topics[topic] !== undefined)
  }

  /**
   * @param plugin its name, for messages
   * @throws {ProxyError} PTC_PLUGIN_CALL for an unknown topic, one that another plugin has, or one without its functions
   */
  add(plugin: string, topic: string, offered: unknown): void {
    if (!isTopic(topic)) {
      const help = didYouMean(topic, TOPICS) || `; known are ${TOPICS.join(', ')}`
      throw wrong(`there is no topic "${topic}"${help}`)
    }
    const functions = (offered ?? {}) as Readonly<Record<string, unknown>>
    const missing = partsOf(topic).find(part => typeof functions[part] !== 'function')
    if (missing !== undefined) throw wrong(`manage('${topic}') takes an object with a function ${missing}`)
    this.addCalls(plugin, topic, callsOf(topic, functions as never))
  }

  /** The same, for a plugin whose functions are called elsewhere. @throws {ProxyError} PTC_PLUGIN_CALL as `add` */
  addCalls<T extends keyof ManagedCalls>(plugin: string, topic: T, calls: ManagedCalls[T]): void {
    const owner = this.#owners.get(topic)
    if (owner !== undefined) throw wrong(`plugin ${owner} manages ${topic} already; only one can`)
    this.#owners.set(topic, plugin)
    Object.assign(this.#topics, { [topic]: calls })
  }

  /** The plugin that has a topic. */
  ownerOf(topic: keyof ManagedCalls): string | undefined {
    return this.#owners.get(topic)
  }

  get<T extends keyof ManagedCalls>(topic: T): ManagedCalls[T] | undefined {
    return this.#topics[topic]
  }
}

const wrong = (message: string): ProxyError => new ProxyError('PTC_PLUGIN_CALL', message)
