import { ProxyError } from '../../base/errors.js'
import { requestFields, type Scanned } from '../../http1/headers.js'
import type { RequestHead } from '../../http1/messages.js'
import type { ClientRequest } from '../listener/client-request.js'
import type { RequestTarget } from './target.js'
import { passedProtocols } from './upgrade.js'
import type { Via } from './via.js'

/**
 * The request as it leaves for the origin.
 * @param raw its fields, as plugins have left them; `scanned` are those that came
 * @param hops what Max-Forwards allows, this one included; undefined if it says nothing about this request
 * @throws {ProxyError} when it cannot be passed on as it is: PTC_NOT_IMPLEMENTED, PTC_REQUEST_MALFORMED, PTC_LOOP_DETECTED
 */
export function outgoingRequest(
  req: ClientRequest,
  raw: readonly string[],
  scanned: Scanned,
  target: RequestTarget,
  hops: number | undefined,
  via: Via,
): RequestHead {
  const { method = '', httpVersion } = req
  if (scanned.via !== undefined && via.isIn(scanned.via)) {
    throw new ProxyError('PTC_LOOP_DETECTED', `the request has been here before: Via says ${via.pseudonym}`)
  }
  const headers = requestFields(raw, scanned, {
    authority: target.authority,
    via: via.ofRequest(httpVersion),
    upgrade: protocolsFor(req, scanned),
    maxForwards: hops === undefined ? undefined : hops - 1,
    ignoresExpect: httpVersion === '1.0',
  })
  return { method, path: target.path, headers, body: bodyOf(method, scanned, httpVersion) }
}

function bodyOf(method: string, { framing }: Scanned, httpVersion: string): RequestHead['body'] {
  if (framing === 'unusable') {
    throw new ProxyError('PTC_NOT_IMPLEMENTED', 'the request has a transfer coding other than chunked')
  }
  if (framing === 'chunked' && httpVersion !== '1.1') {
    throw new ProxyError('PTC_REQUEST_MALFORMED', 'a chunked request in HTTP/1.0') // RFC 9112 section 6.1
  }
  if (framing !== 'none' && framing !== 0 && method === 'TRACE') {
    throw new ProxyError('PTC_REQUEST_MALFORMED', 'a TRACE request has no body') // RFC 9110 section 9.3.8
  }
  return framing
}

/** What may be switched to, when the connection with the client can. */
function protocolsFor(req: ClientRequest, { upgrade }: Scanned): string | undefined {
  return upgrade === undefined || !req.isUpgrade ? undefined : passedProtocols(upgrade)
}
