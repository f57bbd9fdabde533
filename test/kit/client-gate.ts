/**
 * A plugin on the hooks of the client's side whose answers the test gives; the proxy must run in the test's process.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { HOOK_ALIASES, type HookAlias, type HookEvents, type HookId } from '../../core/api/hooks.js'
import { Watch } from './watch.js'

/** For `modules` of a configuration. The line says on which hooks. */
export const CLIENT_GATE_MODULE = {
  'client_gate.mjs': `
import { channel } from 'node:diagnostics_channel'
export default ({ argv, hookAdd }) => {
  const [, id, ...hooks] = argv
  for (const hook of hooks) hookAdd(hook, event => channel('client gate ' + id).publish({ hook, event }))
}
`,
} as const

type Answers = { readonly [H in HookId]?: (event: HookEvents[H], count: number) => unknown }

let gates = 0

export class ClientGate {
  /** For plugin.config. */
  readonly line: string
  /** What was called, in order. */
  readonly called: HookId[] = []
  readonly #events = new Map<HookId, unknown[]>()
  readonly #watch = new Watch()
  readonly #channel: string
  readonly #onTold: (message: unknown) => void

  /** @param answers what each hook is answered; what has none is left waiting */
  constructor(answers: Answers, extra: { readonly options?: string; readonly log?: string[] } = {}) {
    gates += 1
    this.line = `client_gate.mjs ${extra.options ?? ''} ${gates} ${Object.keys(answers).join(' ')}`
    this.#channel = `client gate ${gates}`
    const name = `${gates}`
    this.#onTold = message => {
      const { hook: named, event } = message as { hook: HookId | HookAlias; event: never }
      const hook = isAlias(named) ? HOOK_ALIASES[named] : named
      this.called.push(hook)
      extra.log?.push(`${name} ${hook}`)
      const events = this.#events.get(hook) ?? []
      this.#events.set(hook, events)
      events.push(event)
      answers[hook]?.(event, events.length)
      this.#watch.changed()
    }
    subscribe(this.#channel, this.#onTold)
  }

  /** Every event of a hook so far. */
  of<H extends HookId>(hook: H): readonly HookEvents[H][] {
    return (this.#events.get(hook) ?? []) as HookEvents[H][]
  }

  /** The event of that index, as soon as there is one. */
  async next<H extends HookId>(hook: H, index = 0): Promise<HookEvents[H]> {
    return this.#watch.until(
      () => this.of(hook)[index],
      () => `${hook} number ${index}; called: ${this.called.join(', ')}`,
    )
  }

  stop(): void {
    unsubscribe(this.#channel, this.#onTold)
  }
}

const isAlias = (hook: HookId | HookAlias): hook is HookAlias => Object.hasOwn(HOOK_ALIASES, hook)
