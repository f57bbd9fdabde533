/** Extended CONNECT (RFC 8441), and the upgrades of HTTP/1.1 that mean the same, in both directions. */
import { createHash, randomBytes } from 'node:crypto'
import { ProxyError } from '../base/errors.js'
import { fieldEntries, fieldValues } from '../base/fields.js'
import { isForwarded } from '../http1/headers.js'
import type { RequestHead, ResponseHead } from '../http1/messages.js'

/** One name of a protocol (RFC 9110 section 7.8), without a version. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const WEBSOCKET = 'websocket'
/** RFC 6455 section 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const KEY_BYTES = 16
const KEY_FIELD = 'sec-websocket-key'
const ACCEPT_FIELD = 'sec-websocket-accept'
/** {@link KEY_BYTES} in base64. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/

/** Whether HTTP/1.1 can be asked for the protocol of an extended CONNECT. */
export const isUpgradeName = (protocol: string): boolean =>
  TOKEN.test(protocol) && isForwarded(protocol.toLowerCase())

/**
 * The fields of an extended CONNECT (RFC 8441 section 4) as HTTP/1.1 has them: the protocol becomes an Upgrade field. A
 * WebSocket gets a key, which HTTP/2 does not have; one that the client has sent is dropped.
 */
export function upgradeFields(protocol: string, fields: readonly string[]): readonly string[] {
  const upgrade = ['connection', 'Upgrade', 'upgrade', protocol]
  if (protocol.toLowerCase() !== WEBSOCKET) return [...fields, ...upgrade]
  return [...without(fields, KEY_FIELD), ...upgrade, KEY_FIELD, randomBytes(KEY_BYTES).toString('base64')]
}

/**
 * The fields of a 101 as the 2xx of an extended CONNECT has them. The client cannot check the origin's answer to the key,
 * so it is checked here.
 * @param request the fields of the request
 * @throws {ProxyError} PTC_RESPONSE_MALFORMED
 */
export function switchedFields(request: readonly string[], response: readonly string[]): readonly string[] {
  const [key] = fieldValues(request, KEY_FIELD)
  if (key === undefined) return response
  const accepts = fieldValues(response, ACCEPT_FIELD)
  if (accepts.length !== 1 || accepts[0] !== acceptOf(key))
    throw notSwitched('Sec-WebSocket-Accept does not match')
  return without(response, ACCEPT_FIELD)
}

const acceptOf = (key: string): string =>
  createHash('sha1').update(`${key}${WEBSOCKET_GUID}`).digest('base64')

/**
 * The key of a request that asks an origin for a WebSocket and for nothing else, which HTTP/2 has as an extended CONNECT;
 * undefined for every other request.
 */
export function webSocketKey({ method, headers, body }: RequestHead): string | undefined {
  const [protocol, ...protocols] = fieldValues(headers, 'upgrade')
  if (protocol?.toLowerCase() !== WEBSOCKET || protocols.length > 0) return undefined
  const [key = '', ...keys] = fieldValues(headers, KEY_FIELD)
  const isPlain = method === 'GET' && (body === 'none' || body === 0)
  return isPlain && keys.length === 0 && KEY.test(key) ? key : undefined
}

/** The pseudo-header fields of that request, and what of its fields has no place in HTTP/2. */
export const WEBSOCKET_CONNECT = { ':method': 'CONNECT', ':protocol': WEBSOCKET } as const
export const withoutKey = (fields: readonly string[]): readonly string[] => without(fields, KEY_FIELD)

/** The 2xx of an extended CONNECT as HTTP/1.1 has it: a 101, with the answer to the key. */
export const switchedHead = (key: string, head: ResponseHead): ResponseHead => ({
  ...head,
  status: 101,
  reason: 'Switching Protocols',
  headers: [...without(head.headers, ACCEPT_FIELD), 'upgrade', WEBSOCKET, ACCEPT_FIELD, acceptOf(key)],
})

/** A response of an origin that was asked for another protocol, and that an HTTP/2 client would take for a tunnel. */
export const notSwitched = (what: string): ProxyError =>
  new ProxyError('PTC_RESPONSE_MALFORMED', `the origin has not switched to the other protocol: ${what}`)

/** @param name in lower case */
export function without(fields: readonly string[], name: string): readonly string[] {
  const out: string[] = []
  for (const [field, value] of fieldEntries(fields)) if (field.toLowerCase() !== name) out.push(field, value)
  return out
}
