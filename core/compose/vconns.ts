import type { HookEvents, HookId } from '../api/hooks.js'
import type { VConn } from '../api/vconn.js'
import { describe } from '../base/errors.js'
import { tell } from '../hooks/ask.js'
import type { HookRegistry } from '../hooks/registry.js'
import { type Endpoints, ProxyVConn } from '../vconn/vconn.js'

const HOOKS = {
  inbound: { start: 'TS_VCONN_START_HOOK', close: 'TS_VCONN_CLOSE_HOOK' },
  outbound: { start: 'TS_VCONN_OUTBOUND_START_HOOK', close: 'TS_VCONN_OUTBOUND_CLOSE_HOOK' },
} as const

/** Makes VConns, tells plugins of their start, and exactly once of their end. */
export class VConns {
  readonly #registry: HookRegistry
  readonly #error: (message: string) => void

  constructor(registry: HookRegistry, error: (message: string) => void) {
    this.#registry = registry
    this.#error = error
  }

  open(direction: VConn['direction'], ends: Endpoints): ProxyVConn {
    const { start, close } = HOOKS[direction]
    const vconn = new ProxyVConn(direction, ends, closed => this.tell(close, closed))
    this.tell(start, vconn.shown)
    return vconn
  }

  /** Calls the continuations on a hook that may not park. */
  tell<H extends HookId>(hook: H, event: HookEvents[H]): undefined | Promise<unknown> {
    return tell(this.#registry.on(hook), event, ({ name }, cause) =>
      this.#error(`plugin ${name} failed on ${hook}: ${describe(cause)}`),
    )
  }
}
