import type { Settings } from '../../../settings/settings.js'
import { decisionOf } from '../../../tls/judge/terms.js'
import { decisionText } from '../../decision-text.js'
import type { Policy } from './policies.js'

/** What an operator should be told about the connections to origins: how they are verified, and whose they are. */
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
