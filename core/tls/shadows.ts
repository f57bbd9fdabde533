import type { ShadowOutcome } from '../vconn/turn.js'
import type { HandshakeEvent } from './handshake.js'
import { type Asker, HookTurn } from './hook-turn.js'
import type { HandshakeObserver } from './observer.js'
import type { Turn } from './parked-event.js'

/** A plugin whose verdicts are only counted. Its deadline is the earlier of its own and the general one. */
export type ShadowAsker = Asker & { readonly deadline: number }

/**
 * The turns of the plugins in shadow mode: all at once, beside the handshake, which waits for none of them.
 *
 * Life: asked -> over, one by one. A turn is over when the plugin has answered, has failed, or is out of time; all are
 * over, unheard, when the handshake fails or its connection ends.
 */
export class Shadows {
  readonly #turns: readonly HookTurn[]

  constructor(askers: readonly ShadowAsker[], turn: Omit<Turn, 'deadline'>, observer: HandshakeObserver) {
    const { host } = turn.evidence
    this.#turns = askers.map(
      asker =>
        new HookTurn({ ...asker, late: 'reject' }, { ...turn, deadline: Infinity }, observer, event =>
          observer.shadowed?.(asker.plugin, host, outcomeOf(event)),
        ),
    )
  }

  start(): void {
    for (const turn of this.#turns) turn.start()
  }

  stop(): void {
    for (const turn of this.#turns) turn.stop()
  }
}

function outcomeOf(event: HandshakeEvent): ShadowOutcome {
  if (event.type === 'plugin-failed') return { would: 'reject', by: 'plugin-failed' }
  if (event.type !== 'reenabled') return { would: 'reject', by: 'deadline' }
  const { verdict } = event
  return verdict.kind === 'accept' ? { would: 'accept' } : { would: 'reject', by: 'plugin', verdict }
}
