import type { ParkedClient } from '../api/client-hooks.js'
import { outcomeOf } from '../vconn/shadow-turns.js'
import { PluginTurn, type TurnAsker, type TurnFacts } from '../vconn/turn.js'

/**
 * Asks a plugin in shadow mode about a client. Its verdict is told to the observer and reaches nothing else; at the
 * latest at the deadline its turn is over.
 * @param toEvent what it is handed; `isOpen` says whether its answer is still wanted
 */
export function startShadow<E>(
  asker: TurnAsker<E>,
  facts: TurnFacts,
  sni: string | undefined,
  toEvent: (parked: ParkedClient, isOpen: () => boolean) => E,
): { stop(): void } {
  const { observer, about, deadline } = facts
  const own = Math.min(asker.deadline ?? Infinity, Math.max(deadline - Date.now(), 0))
  const turn = new PluginTurn({ ...asker, deadline: own }, { ...facts, deadline: Infinity }, end =>
    observer.shadowed?.(asker.plugin, about, outcomeOf(end)),
  )
  turn.start(
    asker,
    toEvent({ ...turn.parked, sni }, () => turn.isOpen),
  )
  return turn
}
