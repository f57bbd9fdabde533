import type { ProxyError } from '../base/errors.js'
import { fieldLines, fieldValues } from '../base/fields.js'
import type { Link } from '../vconn/link.js'
import { responseFields } from './headers.js'

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
