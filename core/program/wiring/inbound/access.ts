import { ProxyError } from '../../../base/errors.js'
import { Memo } from '../../../base/memo.js'
import { denialOf } from '../../../config/ip-allow.js'
import type { ClientRequest } from '../../../http/listener/client-request.js'
import type { Admit } from '../../../http/listener/listener.js'
import { ProxyAuth } from '../../../http/listener/proxy-auth.js'
import type { Configuration } from '../../../settings/settings.js'

/** Clients whose permissions are remembered: to match the rules costs as much as the rest of the admission. */
const REMEMBERED = 10_000

/** Which clients may use the proxy, and which origins it may connect to. */
export interface Access {
  readonly admit: Admit
  /** Of a request inside a bumped connection: its sender has been admitted, its method has not. */
  readonly admitInside: Admit
  /** Whether clients must have a name and a password. */
  readonly wantsLogin: boolean
  readonly deniesPrivateOrigins: boolean
}

export function makeAccess({
  settings,
  ipAllow,
  users,
}: Pick<Configuration, 'settings' | 'ipAllow' | 'users'>): Access {
  const auth = users && new ProxyAuth(users)
  /** By address and method: why the request is denied; empty where it is allowed. */
  const known = new Memo<string, Map<string, string>>(REMEMBERED)
  return {
    admit: req => denied(req) ?? auth?.admit(req),
    admitInside: denied,
    wantsLogin: auth !== undefined,
    deniesPrivateOrigins: settings.access.deniesPrivateOrigins,
  }

  function denied(req: ClientRequest): ProxyError | undefined {
    const { method = '' } = req
    const address = req.client.remoteAddress ?? ''
    const byMethod = known.get(address) ?? new Map<string, string>()
    if (byMethod.size === 0) known.set(address, byMethod)
    const why = byMethod.get(method) ?? denialOf(ipAllow, address, method) ?? ''
    if (!byMethod.has(method)) byMethod.set(method, why)
    if (why === '') return undefined
    return new ProxyError('PTC_CLIENT_DENIED', `${address} may not send ${method} to this proxy (${why})`)
  }
}
