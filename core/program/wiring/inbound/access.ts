import { ProxyError } from '../../../base/errors.js'
import { Memo } from '../../../base/memo.js'
import { loadHtpasswd } from '../../../config/htpasswd.js'
import { denialOf, loadIpAllow } from '../../../config/ip-allow.js'
import type { ClientRequest } from '../../../http/listener/client-request.js'
import type { Admit } from '../../../http/listener/listener.js'
import { ProxyAuth } from '../../../http/listener/proxy-auth.js'
import type { AccessSettings } from '../../../settings/http.js'

/** Clients whose permissions are remembered: reading the rules costs as much as the rest of the admission. */
const REMEMBERED = 10_000

/** Which clients may use the proxy, and which origins it may connect to. */
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
export function makeAccess({ ipAllow, htpasswd, deniesPrivateOrigins }: AccessSettings): Access {
  const allow = loadIpAllow(ipAllow)
  const auth = htpasswd && new ProxyAuth(loadHtpasswd(htpasswd))
  /** By address: why, by method; empty: allowed. */
  const known = new Memo<string, Map<string, string>>(REMEMBERED)
  return {
    admit: req => denied(req) ?? auth?.admit(req),
    admitInside: denied,
    deniesPrivateOrigins,
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
