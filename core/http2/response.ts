import { STATUS_CODES } from 'node:http'
import { ProxyError } from '../base/errors.js'
import { fieldValues } from '../base/fields.js'
import type { RequestHead, ResponseHead } from '../http1/messages.js'
import { received, toHeaders } from './fields.js'

export const malformedResponse = (what: string): ProxyError =>
  new ProxyError('PTC_RESPONSE_MALFORMED', `the origin's response is malformed: ${what}`)

/**
 * The head of a response (RFC 9113 section 8.3.2), interim ones included.
 * @param raw names and values in turn
 * @throws {ProxyError} PTC_RESPONSE_MALFORMED
 */
export function responseHead(raw: readonly string[]): ResponseHead {
  const { pseudo, fields } = received(raw, malformedResponse)
  const { ':status': text = '', ...others } = pseudo
  if (Object.keys(others).length > 0) throw malformedResponse('an unknown pseudo-header field')
  const status = /^[1-9][0-9]{2}$/.test(text) ? Number(text) : 0
  if (status === 0 || status === 101) throw malformedResponse(`status ${text}`)
  return { version: '2', status, reason: STATUS_CODES[status] ?? '', headers: fields }
}

/** @throws {ProxyError} PTC_RESPONSE_MALFORMED */
export function responseTrailers(raw: readonly string[]): readonly string[] {
  const { pseudo, fields } = received(raw, malformedResponse)
  if (Object.keys(pseudo).length > 0) throw malformedResponse('pseudo-header fields behind its body')
  return fields
}

/**
 * The length that a response announces for the body behind it; undefined where it announces none.
 * @throws {ProxyError} PTC_RESPONSE_MALFORMED
 */
export function announcedLength(method: string, { status, headers }: ResponseHead): number | undefined {
  const lengths = fieldValues(headers, 'content-length')
  const [text] = lengths
  if (text === undefined) return undefined
  if (lengths.length > 1 || !/^[0-9]+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw malformedResponse('its Content-Length is not a number')
  return method === 'HEAD' || status === 204 || status === 304 ? 0 : Number(text)
}

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
