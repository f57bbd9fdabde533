import type { HookId } from '../../api/hooks.js'
import { Circuit, type CircuitOptions } from './circuit.js'

/** A circuit for each hook: answers on one say nothing about a plugin that always fails on another. */
export class HookCircuits {
  readonly #options: CircuitOptions
  readonly #circuits = new Map<HookId, Circuit>()

  constructor(options: CircuitOptions) {
    this.#options = options
  }

  /** The hooks that have been asked about, or are to be covered. */
  get hooks(): readonly HookId[] {
    return [...this.#circuits.keys()]
  }

  /** The hooks on which the plugin has failed again and again, and is not asked as it should be. */
  get outOfService(): readonly HookId[] {
    return this.hooks.filter(hook => this.of(hook).state !== 'closed')
  }

  cover(hooks: Iterable<HookId>): void {
    for (const hook of hooks) this.of(hook)
  }

  of(hook: HookId): Circuit {
    const known = this.#circuits.get(hook)
    if (known !== undefined) return known
    const made = new Circuit(this.#options)
    this.#circuits.set(hook, made)
    return made
  }

  /** @returns those that this failure has opened */
  failed(hooks: Iterable<HookId>): readonly (readonly [HookId, Circuit])[] {
    return [...new Set(hooks)]
      .map(hook => [hook, this.of(hook)] as const)
      .filter(([, circuit]) => circuit.failed())
  }
}
