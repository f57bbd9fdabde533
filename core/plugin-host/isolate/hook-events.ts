import type { HookEvents, HookId } from '../../api/hooks.js'

/** What every event has that waits for an answer. */
interface Answerable {
  readonly reenable: unknown
}

/** The events of a hook that wait for an answer; never, where none does. */
export type AskedEvent<H extends HookId> = Extract<HookEvents[H], Answerable>
/** Those that do not. */
export type ToldEvent<H extends HookId> = Exclude<HookEvents[H], Answerable>

/** Hooks on which plugins are asked; a hook may be among both. */
export type AskHook = { [H in HookId]: [AskedEvent<H>] extends [never] ? never : H }[HookId]
/** Hooks on which plugins are told. */
export type TellHook = { [H in HookId]: [ToldEvent<H>] extends [never] ? never : H }[HookId]

export function isAsked(event: HookEvents[HookId]): event is AskedEvent<AskHook> {
  return 'reenable' in event
}
