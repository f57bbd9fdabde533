import type { ManagedTopics } from '../api/managed.js'
import { ProxyError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'

/** The functions that each topic consists of. A topic added to the API stops the build here until it has a line. */
const PARTS: { readonly [T in keyof ManagedTopics]: readonly (keyof ManagedTopics[T])[] } = {
  approvals: ['list', 'answer', 'withdraw'],
  policy: ['explain'],
  learning: ['report', 'write'],
}

/** What the plugins of one plugin.config offer to operators. */
export class Managed {
  readonly #topics: Partial<ManagedTopics> = {}
  readonly #owners = new Map<string, string>()

  /**
   * @param plugin its name, for messages
   * @throws {ProxyError} PTC_PLUGIN_CALL for an unknown topic, one that another plugin has, or one without its functions
   */
  add(plugin: string, topic: string, offered: unknown): void {
    if (!isTopic(topic)) {
      const help = didYouMean(topic, Object.keys(PARTS)) || `; known are ${Object.keys(PARTS).join(', ')}`
      throw wrong(`there is no topic "${topic}"${help}`)
    }
    const parts: readonly string[] = PARTS[topic]
    const functions = (offered ?? {}) as Readonly<Record<string, unknown>>
    const missing = parts.find(part => typeof functions[part] !== 'function')
    if (missing !== undefined) throw wrong(`manage('${topic}') takes an object with a function ${missing}`)
    const owner = this.#owners.get(topic)
    if (owner !== undefined) throw wrong(`plugin ${owner} manages ${topic} already; only one can`)
    this.#owners.set(topic, plugin)
    Object.assign(this.#topics, { [topic]: offered })
  }

  /** The plugin that has a topic. */
  ownerOf(topic: keyof ManagedTopics): string | undefined {
    return this.#owners.get(topic)
  }

  get<T extends keyof ManagedTopics>(topic: T): ManagedTopics[T] | undefined {
    return this.#topics[topic]
  }
}

const isTopic = (topic: unknown): topic is keyof ManagedTopics =>
  typeof topic === 'string' && Object.hasOwn(PARTS, topic)

const wrong = (message: string): ProxyError => new ProxyError('PTC_PLUGIN_CALL', message)
