import { hooksWithin } from '../hooks/hook-ids.js'
import type { HookRegistry, PluginRef } from '../hooks/registry.js'
import type { Settings } from '../settings/settings.js'
import type { Policy } from './wiring/outbound/policies.js'

/** A time for all plugins together, and the setting that says so. */
interface Limit {
  readonly name: string
  readonly ms: number
}

/** A plugin's own time that is longer than what all plugins have together: it never ends a wait, the other one does. */
export function deadlineWarnings(
  settings: Settings,
  policies: readonly Policy[],
  registry: HookRegistry,
): readonly string[] {
  const ofOrigins = policies.map(({ settings: { deadline, terms } }) => ({ name: terms.limit, ms: deadline }))
  const ofClients = {
    name: 'proxy.config.ssl.handshake_timeout_in',
    ms: settings.inboundTls.handshakeTimeout,
  }
  const ofOthers = { name: 'proxy.config.plugin.deadline', ms: settings.plugins.deadline }
  const on = (hooks: readonly Parameters<HookRegistry['on']>[0][], limits: readonly Limit[]): string[] =>
    hooks.flatMap(hook => registry.on(hook).flatMap(({ plugin }) => warnings(plugin, limits)))
  return [
    ...new Set([
      ...on(hooksWithin('verdict'), ofOrigins),
      ...on(hooksWithin('client'), [ofClients]),
      ...on(hooksWithin('plugins'), [ofOthers]),
    ]),
  ]
}

function warnings({ name, line, deadline, late }: PluginRef, limits: readonly Limit[]): string[] {
  if (deadline === undefined) return []
  return limits
    .filter(({ ms }) => deadline > ms)
    .map(limit => {
      const counts = `${limit.name}, ${limit.ms} ms, ends its waits before`
      const builtin = late === 'builtin' ? ', with a rejection: @late=builtin has no effect' : ''
      return `plugin.config:${line}: @deadline=${deadline} of plugin ${name} has no effect: ${counts}${builtin}`
    })
}
