import { resolve } from 'node:path'
import { ProxyError } from '../../../base/errors.js'
import { Memo } from '../../../base/memo.js'
import { loadHtpasswd } from '../../../config/htpasswd.js'
import { denialOf, loadIpAllow } from '../../../config/ip-allow.js'
import { placed } from '../../../config/record-place.js'
import type { Records } from '../../../config/records-table.js'
import type { ClientRequest } from '../../../http/listener/client-request.js'
import type { Admit } from '../../../http/listener/listener.js'
import { ProxyAuth } from '../../../http/listener/proxy-auth.js'

const IP_ALLOW = 'proxy.config.cache.ip_allow.filename'
const HTPASSWD = 'proxy.config.http.proxy_auth.htpasswd'

/** Clients that are remembered with what they may do: reading the rules again costs as much as the rest of it. */
const REMEMBERED = 10_000

/** Who may use the proxy, and where it may go, until the next reload. */
export interface Access {
  readonly admit: Admit
  /** Of a request inside a bumped connection: its sender has been admitted, its method has not. */
  readonly admitInside: Admit
  readonly deniesPrivateOrigins: boolean
}

/**
 * Reads ip_allow.yaml and the htpasswd file.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, PTC_IP_ALLOW_INVALID, PTC_HTPASSWD_INVALID
 */
export function makeAccess(records: Records, confDir: string): Access {
  const allow = loadIpAllow(confDir, records[IP_ALLOW], placed(records, IP_ALLOW))
  const htpasswd = records[HTPASSWD]
  const auth =
    htpasswd === null
      ? undefined
      : new ProxyAuth(loadHtpasswd(resolve(confDir, htpasswd), placed(records, HTPASSWD)))
  /** By address: why, by method; empty: allowed. */
  const known = new Memo<string, Map<string, string>>(REMEMBERED)
  return {
    admit: req => denied(req) ?? auth?.admit(req),
    admitInside: denied,
    deniesPrivateOrigins: records['proxy.config.http.deny_private_origins'] === 1,
  }

  function denied(req: ClientRequest): ProxyError | undefined {
    const { method = '' } = req
    const address = req.client.remoteAddress ?? ''
    const byMethod = known.get(address) ?? new Map<string, string>()
    if (byMethod.size === 0) known.set(address, byMethod)
    const why = byMethod.get(method) ?? denialOf(allow, address, method) ?? ''
    if (!byMethod.has(method)) byMethod.set(method, why)
    if (why === '') return undefined
    return new ProxyError('PTC_CLIENT_DENIED', `${address} may not send ${method} to this proxy (${why})`)
  }
}
