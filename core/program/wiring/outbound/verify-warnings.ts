import type { HookRegistry } from '../../../hooks/registry.js'
import type { Settings } from '../../../settings/settings.js'
import { decisionOf, type Terms } from '../../../tls/judge/terms.js'
import { needsNoHandshake } from '../../../tls/outbound/other-name.js'
import type { Policy } from './policies.js'

/** Warnings about the connections to origins: how they are verified, and whose they are. */
export function verifyWarnings(
  { outboundTls, origin, verification }: Settings,
  policies: readonly Policy[],
): readonly string[] {
  const keys = outboundTls.keyLogName
  const loud =
    keys === null
      ? []
      : [`proxy.config.ssl.keylog_file is set: WHOEVER READS ${keys} CAN READ ALL TRAFFIC WITH ORIGINS`]
  const others = policies.flatMap(({ rule, settings: { terms } }) => {
    const [who, whose] =
      rule === undefined ? ['origins', ''] : [`the origins of ${rule.fqdn}`, `${rule.where}: `]
    const decision = decisionOf(terms)
    const isAsMeant =
      decision.by === 'plugins' ||
      (decision.by === 'built-in' &&
        decision.unchecked.length === 0 &&
        (rule !== undefined || verification.terms.verify === 1))
    return isAsMeant ? [] : [`${whose}${decisionText(terms, who)}`]
  })
  const shared = origin.http1.hasPrivateLogins
    ? []
    : ['proxy.config.http.auth_server_session_private is 0: CLIENTS ARE SERVED UNDER THE LOGINS OF OTHERS']
  return [...loud, ...shared, ...others]
}

/** Warnings where coalescing is on, and no connection can be shared. */
export function coalescingWarnings(
  { origin }: Settings,
  policies: readonly Policy[],
  registry: HookRegistry,
): readonly string[] {
  if (!origin.isCoalescing) return []
  const says = (why: string): readonly string[] => [
    `proxy.config.http2.connection_coalescing_out is 1, and no names can share a connection: ${why}`,
  ]
  const [starting] = registry.on(START)
  if (starting !== undefined) return says(`plugin ${starting.plugin.name} is on ${START}`)
  if (policies.some(({ settings }) => needsNoHandshake(settings))) return []
  const [asked] = registry.on(HOOK)
  if (asked !== undefined) return says(`plugin ${asked.plugin.name} is on ${HOOK}`)
  const check = 'proxy.config.ssl.client.verify.server.policy ENFORCED, and .properties ALL'
  return says(`the built-in check has to decide (${check}), without a certificate for origins`)
}

const START = 'TS_VCONN_OUTBOUND_START_HOOK'
const HOOK = 'TS_SSL_CERT_VERIFY_HOOK'

/**
 * What decides about origins under these terms, in words for an operator. `who` names the origins.
 */
export function decisionText(terms: Terms, who = 'origins'): string {
  const decision = decisionOf(terms)
  switch (decision.by) {
    case 'plugins':
      return `plugins decide: ${terms.plugins.slice(terms.completers).join(', ')}`
    case 'built-in':
      return `${whoIsSilent(terms)}: the built-in check alone decides${restricted(decision.unchecked)}`
    case 'nobody':
      if (decision.because === 'verify')
        return `proxy.config.ssl.client.verify.server is 0: ${who} are NOT verified, and no plugin is asked`
      return decision.accepts === 'every'
        ? `${whoIsSilent(terms)} and the policy is PERMISSIVE: NOTHING IS VERIFIED, ${who} are accepted whatever they show`
        : `${whoIsSilent(terms)} and the built-in check is off: ${who === 'origins' ? 'every https origin is' : `${who} are`} rejected`
  }
}

const whoIsSilent = ({ hasShadows }: Terms): string =>
  hasShadows ? `all plugins on ${HOOK} are in shadow mode` : `no plugin is on ${HOOK}`

function restricted(unchecked: readonly ('chain' | 'name')[]): string {
  if (unchecked.length === 0) return ''
  if (unchecked.length === 2) return ', and only by the demands of the rule: chain and name are NOT verified'
  return unchecked[0] === 'chain'
    ? ', and only of the name: the chain is NOT verified, anybody can make such a certificate'
    : ', and only of the chain: the name is NOT verified, a certificate for any other host passes'
}
