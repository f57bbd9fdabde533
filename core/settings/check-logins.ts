import { ProxyError } from '../base/errors.js'
import type { Problem } from '../config/config-file.js'
import { problemsError } from '../config/config-file.js'
import type { IpAllow } from '../config/ip-allow.js'
import type { AccessSettings, ListenerSettings } from './http.js'

/**
 * Checks that clients can log in by certificates, if the records say so. Only `ssl` ports ask for certificates.
 * @throws {ProxyError} PTC_RECORDS_INVALID
 */
export function checkCertificateLogins(
  { clientCert }: AccessSettings,
  { ports, portsBy }: ListenerSettings,
): void {
  if (clientCert === undefined || ports.some(({ isTls }) => isTls)) return
  throw new ProxyError(
    'PTC_RECORDS_INVALID',
    `${clientCert.by} is set, and ${portsBy} has no ssl port to show them to`,
  )
}

/**
 * Checks that clients can have the logins that rules of ip_allow.yaml name. A rule for logins that no client can have never
 * matches, not even to deny.
 * @throws {ProxyError} PTC_IP_ALLOW_INVALID
 */
export function checkLogins({ rules }: IpAllow, access: AccessSettings): void {
  const { htpasswd, groups, tokens, clientCert } = access
  const hasLogins = [htpasswd, tokens, clientCert].some(way => way !== undefined)
  const hasGroups =
    groups !== undefined || tokens?.groupsClaim !== undefined || clientCert?.hasOuGroups === true
  const problems = rules.flatMap(({ where, logins }): readonly Problem[] => {
    if (logins === undefined) return []
    if (!hasLogins) return [{ where, what: NO_LOGINS }]
    return logins.groups === undefined || hasGroups ? [] : [{ where, what: NO_GROUPS }]
  })
  if (problems.length > 0) throw problemsError('PTC_IP_ALLOW_INVALID', problems)
}

const NO_LOGINS =
  'the rule is about logins, and clients do not log in; set proxy.config.http.proxy_auth.htpasswd or another way'
const NO_GROUPS = 'the rule is about groups, and no user has one; set proxy.config.http.proxy_auth.groups'
