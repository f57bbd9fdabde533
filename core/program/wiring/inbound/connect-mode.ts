import type { Records } from '../../../config/records-table.js'
import type { Rule } from '../../../config/rules.js'
import type { ConnectMode } from '../../../http/connect/tunnel-judgement.js'

/** How the origin behind a CONNECT is verified, as a rule of sni.yaml says, or else the record. */
export const connectModeOf = (records: Records, rule: Rule | undefined): ConnectMode =>
  rule?.connect_verify ?? records['proxy.config.http.connect.verify']

/** Says for whom tunnels open that nobody has verified. */
export function connectWarnings(records: Records, rules: readonly (Rule | undefined)[]): readonly string[] {
  return rules.flatMap(rule => {
    if (rule === undefined && connectModeOf(records, rule) === 'tunnel')
      return [
        'proxy.config.http.connect.verify is tunnel: origins behind CONNECT are NOT verified, and no plugin is asked',
      ]
    return rule?.connect_verify === 'tunnel'
      ? [
          `${rule.where}: connect_verify is tunnel: the origins of ${rule.fqdn} behind CONNECT are NOT verified`,
        ]
      : []
  })
}
