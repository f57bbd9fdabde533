/** The two messages of a transaction as they are sent: the request to the origin, the response to the client. */

import { ProxyError } from '../../base/errors.js'
import { wordSet } from '../../base/words.js'
import { requestBody } from '../../http1/checks.js'
import { forwardedProtocols, requestFields, responseFields, type Scanned } from '../../http1/headers.js'
import type { RequestHead, ResponseHead } from '../../http1/messages.js'
import type { OriginConnection } from '../../origin/connection.js'
import type { ClientRequest } from '../listener/client-request.js'
import { toleratedStatus } from '../pages/replies.js'
import type { Pages } from '../pages/templates.js'
import {
  type ClientFieldSettings,
  NO_CLIENT_FIELDS,
  withClientFields,
  withoutCookies,
} from './client-fields.js'
import type { Via } from './hops.js'
import type { RequestTarget } from './target.js'

/**
 * The request as it is sent to the origin.
 * @param raw its fields, as plugins have changed them; `scanned` are the received ones
 * @param hops what Max-Forwards allows, this hop included; undefined where it sets no limit
 * @throws {ProxyError} when it cannot be forwarded: PTC_NOT_IMPLEMENTED, PTC_REQUEST_MALFORMED, PTC_LOOP_DETECTED
 */
export function outgoingRequest(
  req: ClientRequest,
  raw: readonly string[],
  scanned: Scanned,
  target: RequestTarget,
  hops: number | undefined,
  via: Via,
  clientFields: ClientFieldSettings = NO_CLIENT_FIELDS,
): RequestHead {
  const { method, httpVersion, isUpgrade } = req
  if (scanned.via !== undefined && via.isIn(scanned.via))
    throw new ProxyError('PTC_LOOP_DETECTED', `the request has been here before: Via says ${via.pseudonym}`)
  const forwarded = requestFields(raw, scanned, {
    authority: target.authority,
    via: via.ofRequest(httpVersion),
    upgrade: isUpgrade && scanned.upgrade !== undefined ? forwardedProtocols(scanned.upgrade) : undefined,
    maxForwards: hops === undefined ? undefined : hops - 1,
    ignoresExpect: httpVersion === '1.0',
  })
  const headers = withClientFields(forwarded, req.client, target, clientFields)
  return { method, path: target.path, headers, body: requestBody(method, httpVersion, scanned.framing) }
}

/** Idempotent methods (RFC 9110 section 9.2.2) that the parser knows. */
const IDEMPOTENT = wordSet(`
  GET HEAD OPTIONS TRACE PUT DELETE PROPFIND REPORT SEARCH QUERY
`)

/**
 * Whether a request may be sent again when its idle connection turns out to be closed. A request with a body may not: the
 * part that was sent is not stored.
 */
export function isRepeatable({ method, body }: RequestHead): boolean {
  return (body === 'none' || body === 0) && IDEMPOTENT.has(method)
}

/**
 * The fields of a response for the client. Proxy-Status names failed certificate checks that were tolerated. Proxy-Support
 * tells the client that it may log in through this proxy (RFC 4559 section 6), where logins bind the connection.
 * @param connection the one that the response came on
 */
export function outgoingFields(
  req: ClientRequest,
  { version, status, headers }: ResponseHead,
  connection: OriginConnection | undefined,
  via: Via,
  clientFields: ClientFieldSettings = NO_CLIENT_FIELDS,
  pages?: Pages,
): string[] {
  const peer = connection?.channel.peer
  const isChunked = req.httpVersion !== '1.0' && req.method !== 'HEAD'
  const own = withoutCookies(headers, clientFields)
  const fields = responseFields(own, status, isChunked, via.ofResponse(version))
  const tolerated = peer === undefined ? undefined : toleratedStatus(peer, pages)
  if (tolerated !== undefined) fields.push('Proxy-Status', tolerated)
  if (status === 401 && connection?.owner !== undefined && req.client.origin === undefined)
    fields.push('Proxy-Support', 'Session-Based-Authentication', 'Connection', 'Proxy-Support')
  return fields
}
