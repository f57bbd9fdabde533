import { ProxyError } from '../base/errors.js'
import { fieldValue, fieldValues } from '../base/fields.js'
import type { ReceivedHead } from '../http1/request-reader.js'
import { isUpgradeName, upgradeFields, without } from './extended-connect.js'
import { received, withOneCookie } from './fields.js'

export const badRequest = (what: string): ProxyError =>
  new ProxyError('PTC_REQUEST_MALFORMED', `the request is malformed: ${what}`)

/** What an authority must not have, or it would end elsewhere in the URL that it becomes a part of. */
const NO_AUTHORITY = /[\s/?#@\\]|^$/
const PSEUDO: ReadonlySet<string> = new Set([':method', ':scheme', ':authority', ':path', ':protocol'])

/** Names a request of HTTP/2, in `httpVersion`, logs and Via. */
export const HTTP2 = '2'

/**
 * The head of a request (RFC 9113 section 8.3.1) as HTTP/1.1 would have it: its target in absolute form, or for CONNECT in
 * authority form; its authority as Host field; one Cookie field. An extended CONNECT (RFC 8441) is a GET that asks for an
 * upgrade.
 * @param raw names and values in turn
 * @throws {ProxyError} PTC_REQUEST_MALFORMED
 */
export function requestHead(raw: readonly string[]): ReceivedHead {
  const { pseudo, fields } = received(raw, badRequest)
  const { ':method': method = '', ':protocol': protocol } = pseudo
  for (const name of Object.keys(pseudo)) if (!PSEUDO.has(name)) throw badRequest(`an unknown ${name}`)
  const authority = authorityOf(pseudo[':authority'], fieldValues(fields, 'host'))
  const rawHeaders = ['host', authority, ...withOneCookie(without(fields, 'host'))]
  if (protocol !== undefined) {
    if (method !== 'CONNECT') throw badRequest(':protocol without CONNECT')
    if (!isUpgradeName(protocol)) throw badRequest('a protocol that HTTP/1.1 cannot be asked for')
    if (fieldValue(fields, 'content-length') !== undefined)
      throw badRequest('an extended CONNECT with a length')
    const url = absoluteForm(pseudo, 'GET', authority)
    return {
      ...{ method: 'GET', url, httpVersion: HTTP2, isUpgrade: true },
      rawHeaders: upgradeFields(protocol, rawHeaders),
    }
  }
  const url =
    method === 'CONNECT' ? connectTarget(pseudo, authority) : absoluteForm(pseudo, method, authority)
  return { method, url, httpVersion: HTTP2, rawHeaders, isUpgrade: false }
}

/** A Host field must say the same; without an authority it stands for it. */
function authorityOf(authority: string | undefined, hosts: readonly string[]): string {
  const [host] = hosts
  const named = authority ?? host ?? ''
  if (NO_AUTHORITY.test(named)) throw badRequest('its authority is none')
  if (hosts.some(other => other.toLowerCase() !== named.toLowerCase()))
    throw badRequest('its Host field names another authority')
  return named
}

function absoluteForm(
  { ':scheme': scheme, ':path': path = '' }: Readonly<Record<string, string>>,
  method: string,
  authority: string,
): string {
  if (scheme === undefined) throw badRequest('no scheme')
  const isAsterisk = path === '*' && method === 'OPTIONS'
  if (!isAsterisk && !path.startsWith('/')) throw badRequest('its path does not begin with a slash')
  return `${scheme}://${authority}${isAsterisk ? '' : path}`
}

/** RFC 9113 section 8.5. */
function connectTarget(pseudo: Readonly<Record<string, string>>, authority: string): string {
  if (pseudo[':scheme'] !== undefined || pseudo[':path'] !== undefined)
    throw badRequest('a CONNECT with a scheme or a path')
  return authority
}
