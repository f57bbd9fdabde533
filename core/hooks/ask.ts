import type { Continuation, HookEvents, HookId } from '../api/hooks.js'
import { contain } from '../base/edge.js'
import type { Hooked, PluginRef } from './registry.js'

/**
 * Calls one continuation on a hook that may park. A plugin that throws, now or later, has answered: no.
 * @param refuse called at most once, with what was thrown
 */
export function ask<H extends HookId>(
  continuation: Continuation<H>,
  event: HookEvents[H],
  refuse: (cause: unknown) => void,
): void {
  contain(() => continuation(event), refuse)
}

/**
 * Calls every continuation on a hook that may not park, in order. None waits for the one before it, and none can keep
 * the next one from being called: what a plugin throws is reported with its name, and goes no further.
 * @returns undefined when all have returned; otherwise a promise, never rejected, for those that need longer
 */
export function tell<H extends HookId>(
  all: readonly Hooked<H>[],
  event: HookEvents[H],
  onError: (plugin: PluginRef, cause: unknown) => void,
): undefined | Promise<unknown> {
  const pending: Promise<unknown>[] = []
  for (const { plugin, continuation } of all) {
    const later = contain(
      () => continuation(event),
      cause => onError(plugin, cause),
    )
    if (later !== undefined) pending.push(later)
  }
  return pending.length === 0 ? undefined : Promise.all(pending)
}
