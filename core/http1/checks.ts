/** Checks of received messages that llhttp leaves to its caller, and the errors for what llhttp refuses. */
import { METHODS } from 'node:http'
import { ProxyError } from '../base/errors.js'
import { fieldValues } from '../base/fields.js'
import type { Framing } from './headers.js'
import { ERRNO } from './llhttp.js'
import type { HttpParser } from './parser.js'

/** Control characters other than the tab. llhttp accepts them in a reason phrase. */
const CONTROLS = /[^\t\x20-\x7e\x80-\xff]/

export const malformed = (what: string): ProxyError =>
  new ProxyError('PTC_RESPONSE_MALFORMED', `the origin's response is malformed: ${what}`)

/**
 * Refuses a response that llhttp accepts and that has more than one reading, or that cannot be forwarded.
 * @throws {ProxyError} PTC_RESPONSE_MALFORMED
 */
export function checkResponse({ version, status, reason, headers }: HttpParser): void {
  if (version !== 11 && version !== 10) throw malformed('not HTTP/1.x')
  if (status < 100) throw malformed(`status ${status}`)
  if (reason !== '' && CONTROLS.test(reason)) throw malformed('a control character in the reason phrase')
  if (isBodiless(status)) return
  const codings = fieldValues(headers, 'transfer-encoding')
  for (const coding of codings) checkCoding(coding, version)
  if (codings.length > 1) throw malformed('more than one transfer coding')
  if (status === 101 && (codings.length > 0 || saysLength(headers))) throw malformed('a body in a 101')
}

/** RFC 9112 section 7: this proxy asks for no transfer coding, and can decode only `chunked`. */
function checkCoding(coding: string, version: number): void {
  if (coding.toLowerCase() !== 'chunked') throw malformed('a transfer coding other than chunked')
  if (version === 10) throw malformed('a transfer coding in HTTP/1.0') // RFC 9112 section 6.1
}

/** Whether a response ends with its head, whatever its fields say (RFC 9112 section 6.3). Behind a 101 the protocol changes. */
export const isBodiless = (status: number): boolean =>
  (status < 200 && status !== 101) || status === 204 || status === 304

/** Whether a response that has no body says that it has one. The length in a 304 is that of another response. */
export const hasFalseFraming = ({ status, headers }: HttpParser): boolean =>
  isBodiless(status) &&
  (fieldValues(headers, 'transfer-encoding').length > 0 || (status !== 304 && saysLength(headers)))

/** A length of zero is common and harmless. */
const saysLength = (headers: readonly string[]): boolean =>
  fieldValues(headers, 'content-length').some(length => !/^0+$/.test(length))

/** llhttp also accepts RTSP, which has methods of its own. */
const HTTP_METHODS: ReadonlySet<string> = new Set(METHODS)

/**
 * Refuses a request that llhttp accepts and that is not HTTP/1.x, or has no usable Host field (RFC 9112 section 3.2). A
 * request of HTTP/2 (version `2`) has its authority as Host field. The
 * value of Host is not compared with the target: the absolute form of a target wins.
 * @throws {ProxyError} PTC_REQUEST_VERSION, PTC_REQUEST_MALFORMED
 */
export function checkRequest(method: string, version: string, headers: readonly string[]): void {
  if (version === '2.0')
    throw new ProxyError('PTC_REQUEST_VERSION', 'the request says that it is in HTTP/2.0')
  if (version !== '1.1' && version !== '1.0' && version !== '2')
    throw badRequest(`the request is not in HTTP/1.x (${version})`)
  if (!HTTP_METHODS.has(method)) throw badRequest(`the request is not in HTTP/1.x (${method})`)
  const hosts = fieldValues(headers, 'host')
  if (!hosts.every(host => HOST_VALUE.test(host))) throw badRequest('the Host field is not a host')
  if (hosts.length > 1) throw badRequest('the request has more than one Host field')
  if (hosts.length === 0 && version !== '1.0') throw badRequest('the request has no Host field')
}

const HOST_VALUE = /^[^\s/?#@\\]*$/

/**
 * The framing of a request's body.
 * @throws {ProxyError} PTC_NOT_IMPLEMENTED, PTC_REQUEST_MALFORMED
 */
export function requestBody(method: string, version: string, framing: Framing): Exclude<Framing, 'unusable'> {
  if (framing === 'unusable')
    throw new ProxyError('PTC_NOT_IMPLEMENTED', 'the request has a transfer coding other than chunked')
  if (framing === 'chunked' && version === '1.0') throw badRequest('a chunked request in HTTP/1.0') // RFC 9112 section 6.1
  if (framing !== 'none' && framing !== 0 && method === 'TRACE')
    throw badRequest('a TRACE request has no body') // RFC 9110 section 9.3.8
  return framing
}

const badRequest = (what: string): ProxyError => new ProxyError('PTC_REQUEST_MALFORMED', what)

/** RFC 9112 section 3.2: nothing is corrected, because the next reader might correct it in another way. */
function wrongTarget(bytes: Buffer): string {
  const [line = ''] = bytes.toString('latin1', 0, MAX_LINE).split('\r\n', 1)
  return /[\x80-\xff]/.test(line)
    ? 'the request-target is not a URL: what is not ASCII must be percent-encoded'
    : 'the request-target is not a URL'
}

/** A request line with a method that llhttp does not know. */
const OTHER_METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64} \S+ HTTP\/1\.[01]\r\n/
/** The first byte of a TLS handshake record. */
const TLS_HANDSHAKE = 0x16
/** Bytes of a request line that are searched for the name of its method. */
const MAX_LINE = 65_536

/**
 * The error for bytes of a client that llhttp refused.
 * @param error the parser's
 * @param bytes where its message began, as far as it came in one piece
 */
export function requestError(error: ProxyError, { errno }: HttpParser, bytes: Buffer): ProxyError {
  if (error.code !== 'PTC_REQUEST_MALFORMED') return error
  const as = (code: ProxyError['code'], text: string): ProxyError =>
    new ProxyError(code, text, { cause: error })
  if (errno === ERRNO.pausedHttp2)
    return as('PTC_REQUEST_VERSION', 'the client speaks HTTP/2 without having asked')
  if (errno === ERRNO.invalidUrl) return as('PTC_REQUEST_TARGET', wrongTarget(bytes))
  if (errno === ERRNO.invalidMethod && OTHER_METHOD.test(bytes.toString('latin1', 0, MAX_LINE)))
    return as('PTC_NOT_IMPLEMENTED', 'the method is not one that this proxy knows')
  if (errno === ERRNO.invalidMethod && bytes[0] === TLS_HANDSHAKE)
    return as('PTC_REQUEST_MALFORMED', 'the client speaks TLS to a port for plain HTTP')
  return as('PTC_REQUEST_MALFORMED', `the request cannot be parsed: ${error.message}`)
}
