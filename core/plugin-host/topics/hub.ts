import type { ManagedCalls } from './answers.js'
import type { CallInstance } from './calls.js'

/** The workers of one loaded plugin that can be asked about a topic now. */
export type InstancesOf = (topic: keyof ManagedCalls) => readonly CallInstance[]

/**
 * The plugins in workers, by name. It outlives reloads: workers of the time before one still hold handshakes, which operators
 * are shown until they have ended.
 */
export class TopicHub {
  readonly #all = new Map<string, Set<InstancesOf>>()

  of(plugin: string): TopicsOfPlugin {
    return {
      enter: instances => {
        const all = this.#all.get(plugin) ?? new Set()
        this.#all.set(plugin, all)
        all.add(instances)
        return () => {
          all.delete(instances)
          if (all.size === 0 && this.#all.get(plugin) === all) this.#all.delete(plugin)
        }
      },
      instances: (own, topic) => {
        const others = [...(this.#all.get(plugin) ?? [])].filter(other => other !== own)
        return [own, ...others].flatMap(instances => instances(topic))
      },
    }
  }
}

export interface TopicsOfPlugin {
  /** @returns takes them out again */
  readonly enter: (instances: InstancesOf) => () => void
  /** Its own first. */
  readonly instances: (own: InstancesOf, topic: keyof ManagedCalls) => readonly CallInstance[]
}
