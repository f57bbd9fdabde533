import type { IncomingMessage } from 'node:http'
import { ProxyError } from '../base/errors.js'
import type { RequestHead } from '../origin/messages.js'
import { requestFields, scan } from './headers.js'
import type { RequestTarget } from './target.js'

/**
 * The request as it leaves for the origin.
 * @throws {ProxyError} when it cannot be passed on as it is: PTC_NOT_IMPLEMENTED, PTC_REQUEST_MALFORMED
 */
export function outgoingRequest(req: IncomingMessage, target: RequestTarget, via: string): RequestHead {
  const { method = '', rawHeaders, httpVersion } = req
  const scanned = scan(rawHeaders)
  const { framing } = scanned
  if (framing === 'unusable') {
    throw new ProxyError('PTC_NOT_IMPLEMENTED', 'the request has a transfer coding other than chunked')
  }
  if (framing === 'chunked' && httpVersion !== '1.1') {
    throw new ProxyError('PTC_REQUEST_MALFORMED', 'a chunked request in HTTP/1.0') // RFC 9112 section 6.1
  }
  const headers = requestFields(rawHeaders, scanned, target.authority, via)
  return { method, path: target.path, headers, body: framing }
}
