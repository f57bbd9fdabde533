import type { Records } from '../config/records-table.js'
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
    if (terms.verify === 'nothing')
      return [
        `${whose}proxy.config.ssl.client.verify.server is 0: ${who} are NOT verified, and no plugin is asked`,
      ]
    if (terms.plugins.length > 0) return []
    if (terms.builtIn === 'off')
      return [
        `${whose}no plugin is on TS_SSL_CERT_VERIFY_HOOK and the built-in check is off: ${rule === undefined ? 'every https origin is' : `${who} are`} rejected`,
      ]
    return rule === undefined && records['proxy.config.ssl.client.verify.server'] === 2
      ? ['no plugin is on TS_SSL_CERT_VERIFY_HOOK: the built-in check alone decides']
      : []
  })
  const shared =
    records['proxy.config.http.auth_server_session_private'] === 1
      ? []
      : ['proxy.config.http.auth_server_session_private is 0: CLIENTS ARE SERVED UNDER THE LOGINS OF OTHERS']
  return [...loud, ...shared, ...others]
}
