import { PluginTurn, type ShadowOutcome, type TurnAsker, type TurnEnd, type TurnFacts } from './turn.js'

/**
 * The turns of the plugins in shadow mode: all at once, beside what they are asked about, which waits for none of them.
 *
 * Life: asked -> over, one by one: answered, failed, or out of time; all are over, unheard, when they are stopped.
 */
export class ShadowTurns {
  readonly #turns: readonly PluginTurn[]

  /** @param ms for each of them, where its own time is not shorter */
  constructor(askers: readonly TurnAsker<never>[], facts: Omit<TurnFacts, 'deadline'>, ms: number) {
    const { observer, about } = facts
    this.#turns = askers.map(({ plugin, deadline = ms }) => {
      const onEnd = (end: TurnEnd): void => observer.shadowed?.(plugin, about, outcomeOf(end))
      const own = { plugin, deadline: Math.min(deadline, ms) }
      return new PluginTurn(own, { ...facts, deadline: Infinity }, onEnd)
    })
  }

  start<E>(askers: readonly TurnAsker<E>[], toEvent: (turn: PluginTurn) => E): void {
    for (const [i, asker] of askers.entries()) {
      const turn = this.#turns[i]
      if (turn?.isOpen) turn.start(asker, toEvent(turn))
    }
  }

  stop(): void {
    for (const turn of this.#turns) turn.stop()
  }
}

/** What would have come of a turn. */
export function outcomeOf(end: TurnEnd): ShadowOutcome {
  if (end.type === 'plugin-failed') return { would: 'reject', by: 'plugin-failed' }
  if (end.type === 'late') return { would: 'reject', by: 'deadline' }
  const { verdict } = end
  return verdict.kind === 'accept' ? { would: 'accept' } : { would: 'reject', by: 'plugin', verdict }
}
