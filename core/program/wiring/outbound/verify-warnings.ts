import type { Records } from '../../../config/records-table.js'
import { decisionOf } from '../../../tls/judge/terms.js'
import { decisionText } from '../../decision-text.js'
import type { Policy } from './policies.js'

/** What an operator should be told about the connections to origins: how they are verified, and whose they are. */
export function verifyWarnings(records: Records, policies: readonly Policy[]): readonly string[] {
  const keys = records['proxy.config.ssl.keylog_file']
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
        (rule !== undefined || records['proxy.config.ssl.client.verify.server'] === 1))
    return isAsMeant ? [] : [`${whose}${decisionText(terms, who)}`]
  })
  const shared =
    records['proxy.config.http.auth_server_session_private'] === 1
      ? []
      : ['proxy.config.http.auth_server_session_private is 0: CLIENTS ARE SERVED UNDER THE LOGINS OF OTHERS']
  return [...loud, ...shared, ...others]
}
