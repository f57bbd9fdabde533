/** Messages of HTTP/1.1: heads, the checks that llhttp leaves to its caller, and the errors for what llhttp refuses. */
import { METHODS } from 'node:http'
import { ProxyError } from '../base/errors.js'
import { fieldLines, fieldValues } from '../base/fields.js'
import type { Link } from '../vconn/link.js'
import { type Framing, responseFields } from './headers.js'
import { ERRNO } from './llhttp.js'
import type { HttpParser } from './parser.js'

/** A request as it is sent. Its framing follows from `body`. */
export interface RequestHead {
  readonly method: string
  /** Origin-form, or `*`. */
  readonly path: string
  /** Names and values in turn, Host included, without Content-Length, Transfer-Encoding and Connection. */
  readonly headers: readonly string[]
  /** The number of body bytes, or how the body is framed. */
  readonly body: number | 'none' | 'chunked'
}

export interface ResponseHead {
  /** The origin's. */
  readonly version: '1.0' | '1.1' | '2'
  /** The head of HTTP/2 has said that nothing follows it, as gRPC says that a call has failed. */
  readonly isWhole?: boolean
  readonly status: number
  readonly reason: string
  /** Names and values in turn, as received, each byte one character. */
  readonly headers: readonly string[]
}

/** Receives a response. No call follows `onComplete`, `onUpgrade` or `onFail`. */
export interface ResponseSink {
  /** A 1xx response other than 101. */
  onInterim(head: ResponseHead): void
  onHead(head: ResponseHead): void
  /**
   * The receiver may keep the bytes. A few more may come after a `pause`.
   * @returns `written` when the bytes are not needed any more
   */
  onBody(bytes: Buffer): 'written' | 'held'
  /** All bytes that have arrived were passed on, and the response is not complete. */
  onPartial(): void
  /** The connection may serve the next request if it `isIdle`. */
  onComplete(trailers: readonly string[]): void
  /** The origin answered 101. The sink owns the link now, which has no active receiver. */
  onUpgrade(head: ResponseHead, link: Link, first: Buffer): void
  /** More of the request's body may be written. */
  onDrain(): void
  /** @param sawResponse whether any byte of a response came; if none did, an idempotent request may be repeated */
  onFail(error: ProxyError, sawResponse: boolean): void
}

/** The head of a request on the wire. */
export function headText({ method, path, headers, body }: RequestHead): string {
  let framing = ''
  if (body === 'chunked') framing = 'Transfer-Encoding: chunked\r\n'
  else if (body !== 'none') framing = `Content-Length: ${body}\r\n`
  return `${method} ${path} HTTP/1.1\r\n${fieldLines(headers)}${framing}\r\n`
}

/** A 1xx response on the wire. */
export function interimText({ status, reason, headers }: ResponseHead, via: string | undefined): string {
  const fields = responseFields(headers, status, false, via)
  if (status === 101)
    fields.push('Connection', 'Upgrade', 'Upgrade', fieldValues(headers, 'upgrade').join(', '))
  return `HTTP/1.1 ${status} ${reason}\r\n${fieldLines(fields)}\r\n`
}

/** The line in front of a chunk of this many bytes; CRLF follows the chunk (RFC 9112 section 7.1). */
export const chunkLine = (bytes: number): string => `${bytes.toString(16)}\r\n`

/** The end of a chunked body. */
export const lastChunk = (trailers: readonly string[]): string => `0\r\n${fieldLines(trailers)}\r\n`

let line = ''
let madeFor = 0

/** The line of a Date field (RFC 9110 section 6.6.1), made once a second. */
export function dateField(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== madeFor) {
    madeFor = second
    line = `Date: ${new Date(second * 1000).toUTCString()}\r\n`
  }
  return line
}

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
