import {
  PluginTurn,
  type ShadowOutcome,
  type Turn,
  type TurnAsker,
  type TurnEnd,
  type TurnFacts,
} from './turn.js'

/** At one time. A plugin that thinks for long about many connections must not keep all of them in memory. */
const MAX_TURNS = 1000

/**
 * The turns of the plugins in shadow mode, on every hook and in both directions: beside what they are asked about, which
 * does not wait for them.
 *
 * Life of a turn: asked -> over: answered, failed, or out of time. Its outcome goes to the observer, whatever has become
 * of the connection meanwhile. Only the unloading of the plugin ends a turn unheard.
 */
export class Shadows {
  readonly #turns = new Map<{ stop(): void }, () => void>()
  readonly #enter: () => () => void
  readonly #max: number

  /** @param enter called when a turn begins; what it returns is called at the turn's end */
  constructor(enter: () => () => void = () => () => undefined, max = MAX_TURNS) {
    this.#enter = enter
    this.#max = max
  }

  /** Turns that last. */
  get count(): number {
    return this.#turns.size
  }

  /**
   * Asks all of them at once. Where too many turns last, or the event cannot be made, the outcome is `unknown`, and the
   * plugin is not asked.
   * @param facts with the deadline of all; a plugin's own may be earlier
   * @param toEvent makes what a plugin receives
   */
  ask<E>(askers: readonly TurnAsker<E>[], facts: TurnFacts, toEvent: (turn: Turn) => E): void {
    for (const asker of askers) this.#ask(asker, facts, toEvent)
  }

  #ask<E>(asker: TurnAsker<E>, facts: TurnFacts, toEvent: (turn: Turn) => E): void {
    const { plugin, deadline: own = Infinity, ask } = asker
    const { about, deadline, observer } = facts
    const tell = (outcome: ShadowOutcome): void => observer.shadowed?.(plugin, about, outcome)
    if (this.#turns.size >= this.#max) return tell({ would: 'unknown' })
    const left = Math.min(own, Math.max(deadline - Date.now(), 0))
    const turn: PluginTurn<E> = new PluginTurn(
      { plugin, deadline: left, ask },
      { ...facts, deadline: Infinity },
      toEvent,
      end => {
        this.#leave(turn)
        if (end.type === 'plugin-failed') observer.pluginFailed(plugin, about, end.cause)
        tell(outcomeOf(end))
      },
    )
    this.#turns.set(turn, this.#enter())
    try {
      turn.start()
    } catch {
      // The event could not be made. What waits must not notice that a plugin in shadow mode is on its hook.
      this.#leave(turn)
      turn.stop()
      tell({ would: 'unknown' })
    }
  }

  /** The plugins are unloaded: what they would have said is not counted any more. */
  stop(): void {
    for (const turn of this.#turns.keys()) {
      turn.stop()
      this.#leave(turn)
    }
  }

  #leave(turn: { stop(): void }): void {
    this.#turns.get(turn)?.()
    this.#turns.delete(turn)
  }
}

/** What would have come of a turn. */
function outcomeOf(end: TurnEnd): ShadowOutcome {
  if (end.type === 'plugin-failed') return { would: 'reject', by: 'plugin-failed' }
  if (end.type === 'late') return { would: 'reject', by: 'deadline' }
  const { verdict } = end
  return verdict.kind === 'accept' ? { would: 'accept' } : { would: 'reject', by: 'plugin', verdict }
}
