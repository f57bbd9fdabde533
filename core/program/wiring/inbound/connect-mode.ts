import type { Rule } from '../../../config/rules.js'
import type { ConnectMode } from '../../../http/connect/tunnel-judgement.js'
import type { ConnectSettings } from '../../../settings/http.js'

/** How the origin behind a CONNECT is verified: a rule of sni.yaml overrides the general mode. */
export const connectModeOf = ({ mode }: ConnectSettings, rule: Rule | undefined): ConnectMode =>
  rule?.connect_verify ?? mode

/** Tells for which origins tunnels open without verification. */
export function connectWarnings(
  settings: ConnectSettings,
  rules: readonly (Rule | undefined)[],
): readonly string[] {
  return rules.flatMap(rule => {
    if (rule === undefined && connectModeOf(settings, rule) === 'tunnel')
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
