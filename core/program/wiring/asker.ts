import type { HookEvents, HookId } from '../../api/hooks.js'
import { ask } from '../../hooks/ask.js'
import type { Hooked, HookRegistry, PluginRef } from '../../hooks/registry.js'
import type { HeldTurn, HeldTurns } from '../../wait/held-turns.js'
import type { TurnAsker } from '../../wait/turn.js'

/** Lists what plugins hold: turns of hooks that say no more about them. */
type ListOfTurns = Pick<HeldTurns<HeldTurn>, 'begin'>

/** Asks one continuation, without anything between it and the turn. */
export function askerOf<H extends HookId>({
  plugin: { name, deadline },
  continuation,
}: Hooked<H>): TurnAsker<HookEvents[H]> {
  return { plugin: name, deadline, ask: (event, { refuse }) => ask<H>(continuation, event, refuse) }
}

/**
 * The continuations on a hook that parks, in the order of plugin.config.
 * @param mode plugins in enforce mode, or in shadow mode
 * @param held lists their turns that last
 */
export function askersOn<H extends HookId>(
  registry: HookRegistry,
  hook: H,
  mode: PluginRef['mode'],
  held?: ListOfTurns,
): readonly TurnAsker<HookEvents[H]>[] {
  const onTurn = held && ((turn: Omit<HeldTurn, 'hook'>) => held.begin({ ...turn, hook }))
  return registry
    .on(hook)
    .filter(({ plugin }) => plugin.mode === mode)
    .map(hooked => ({ ...askerOf<H>(hooked), onTurn }))
}
