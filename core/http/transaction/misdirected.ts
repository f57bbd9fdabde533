import { authorityText, isSameOrigin } from '../../base/authority.js'
import { ProxyError } from '../../base/errors.js'
import type { OriginTarget } from '../../origin/connect.js'
import type { ClientRequest } from '../listener/client-request.js'
import { parseRequestTarget, type RequestTarget } from './target.js'

/**
 * The target of a request on a connection that stands for one origin. Host, or the absolute form, must name that origin:
 * for any other one nothing has been verified (RFC 9110 section 15.5.20).
 * @throws {ProxyError} PTC_REQUEST_TARGET, PTC_REQUEST_MALFORMED, PTC_MISDIRECTED
 */
export function boundTarget(req: ClientRequest, origin: OriginTarget): RequestTarget {
  const { method = '', url = '', headers } = req
  const asterisk = url === '*' && method === 'OPTIONS'
  const isOriginForm = url.startsWith('/') || asterisk
  const named = parseRequestTarget(method, isOriginForm ? originForm(url, headers.host, origin) : url)
  if (!isSameOrigin(named, origin)) {
    throw new ProxyError(
      'PTC_MISDIRECTED',
      `a request for ${named.scheme}://${named.host}:${named.port} on a connection to ${origin.host}:${origin.port}`,
    )
  }
  return origin.dialHost === undefined ? named : { ...named, dialHost: origin.dialHost }
}

/** The request as if in absolute form; HTTP/1.0 may leave the Host field out. */
function originForm(url: string, host: string | undefined, origin: OriginTarget): string {
  return `${origin.scheme}://${host ?? authorityText(origin.host, origin.port)}${url === '*' ? '' : url}`
}
