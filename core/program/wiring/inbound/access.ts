import { ProxyError } from '../../../base/errors.js'
import { Memo } from '../../../base/memo.js'
import { denialBy, type IpRule, ruleFor } from '../../../config/ip-allow.js'
import type { ClientRequest } from '../../../http/listener/client-request.js'
import type { Admit } from '../../../http/listener/listener.js'
import { ProxyAuth } from '../../../http/listener/proxy-auth.js'
import type { Configuration } from '../../../settings/settings.js'

/** Clients whose rules are remembered: to find one costs as much as the rest of the admission. */
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
  /** By address alone: methods of HTTP/2 are the client's choice. */
  const known = new Memo<string, { readonly rule: IpRule | undefined }>(REMEMBERED)
  return {
    admit: req => denied(req) ?? auth?.admit(req),
    admitInside: denied,
    wantsLogin: auth !== undefined,
    deniesPrivateOrigins: settings.access.deniesPrivateOrigins,
  }

  function ruleOf(address: string): IpRule | undefined {
    const found = known.get(address)
    if (found !== undefined) return found.rule
    const rule = ruleFor(ipAllow, address)
    known.set(address, { rule })
    return rule
  }

  function denied(req: ClientRequest): ProxyError | undefined {
    const { method = '' } = req
    const address = req.client.remoteAddress ?? ''
    const why = denialBy(ruleOf(address), ipAllow, method)
    if (why === undefined) return undefined
    return new ProxyError('PTC_CLIENT_DENIED', `${address} may not send ${method} to this proxy (${why})`)
  }
}
