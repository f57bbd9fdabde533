import type { HookRegistry, PluginRef } from '../hooks/registry.js'
import type { Settings } from '../settings/settings.js'
import type { Policy } from './wiring/outbound/policies.js'

const CLIENT_HOOKS = [
  'TS_SSL_CLIENT_HELLO_HOOK',
  'TS_SSL_SESSION_HOOK',
  'TS_SSL_CERT_HOOK',
  'TS_SSL_VERIFY_CLIENT_HOOK',
] as const
const OTHER_HOOKS = [
  'TS_VCONN_START_HOOK',
  'TS_VCONN_OUTBOUND_START_HOOK',
  'TS_HTTP_READ_REQUEST_HDR_HOOK',
  'TS_HTTP_SEND_REQUEST_HDR_HOOK',
  'TS_HTTP_READ_RESPONSE_HDR_HOOK',
  'TS_HTTP_SEND_RESPONSE_HDR_HOOK',
] as const

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
      ...on(['TS_SSL_CERT_VERIFY_HOOK'], ofOrigins),
      ...on(CLIENT_HOOKS, [ofClients]),
      ...on(OTHER_HOOKS, [ofOthers]),
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
