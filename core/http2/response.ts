import { STATUS_CODES } from 'node:http'
import { fieldValues } from '../base/fields.js'
import { malformed, type RequestHead, type ResponseHead } from '../http1/messages.js'
import { WEBSOCKET_CONNECT, withoutKey } from './extended-connect.js'
import { lengthOf, received, toHeaders } from './fields.js'

/**
 * The head of a response (RFC 9113 section 8.3.2), interim ones included.
 * @param raw names and values in turn
 * @throws {ProxyError} PTC_RESPONSE_MALFORMED
 */
export function responseHead(raw: readonly string[]): ResponseHead {
  const { pseudo, fields } = received(raw, malformed)
  const { ':status': text = '', ...others } = pseudo
  if (Object.keys(others).length > 0) throw malformed('an unknown pseudo-header field')
  const status = /^[1-9][0-9]{2}$/.test(text) ? Number(text) : 0
  if (status === 0 || status === 101) throw malformed(`status ${text}`)
  return { version: '2', status, reason: STATUS_CODES[status] ?? '', headers: fields }
}

/** @throws {ProxyError} PTC_RESPONSE_MALFORMED */
export function responseTrailers(raw: readonly string[]): readonly string[] {
  const { pseudo, fields } = received(raw, malformed)
  if (Object.keys(pseudo).length > 0) throw malformed('pseudo-header fields behind its body')
  return fields
}

/**
 * The length that a response announces for the body behind it; undefined where it announces none.
 * @throws {ProxyError} PTC_RESPONSE_MALFORMED
 */
export function announcedLength(method: string, { status, headers }: ResponseHead): number | undefined {
  const length = lengthOf(headers, malformed)
  const isBodiless = method === 'HEAD' || status === 204 || status === 304
  return length !== undefined && isBodiless ? 0 : length
}

/** Added to name and value of each field (RFC 9113 section 6.5.2). */
const BYTES_PER_FIELD = 32

/** The size of a head before compression. */
export const headBytes = ({ headers }: ResponseHead): number =>
  headers.reduce((sum, text) => sum + text.length, (headers.length / 2) * BYTES_PER_FIELD)

/** The fields of a WebSocket's extended CONNECT. */
export const webSocketHeaders = (request: RequestHead) => ({
  ...requestHeaders({ ...request, headers: withoutKey(request.headers) }),
  ...WEBSOCKET_CONNECT,
})

/** The fields of a request as `node:http2` sends them. Its Host field becomes the authority. */
export function requestHeaders({ method, path, headers, body }: RequestHead) {
  const { host, ...fields } = toHeaders(headers)
  const length =
    typeof body === 'number' && (body > 0 || method !== 'GET') ? { 'content-length': String(body) } : {}
  const [authority] = fieldValues(headers, 'host')
  return {
    ':method': method,
    ':scheme': 'https',
    ':authority': authority ?? '',
    ':path': path,
    ...fields,
    ...length,
  }
}
