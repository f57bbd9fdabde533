import type { ProxyError } from '../base/errors.js'
import type { Link } from '../vconn/link.js'

/** A request as it leaves, but for its framing, which follows from `body`. */
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
  readonly version: '1.0' | '1.1'
  readonly status: number
  readonly reason: string
  /** Names and values in turn, as received, each byte one character. */
  readonly headers: readonly string[]
}

/** Receives a response. After `onComplete`, `onUpgrade` or `onFail` nothing comes. */
export interface ResponseSink {
  /** A 1xx response other than 101. */
  onInterim(head: ResponseHead): void
  onHead(head: ResponseHead): void
  /**
   * Bytes that may be kept. After a `pause` a few more may come.
   * @returns `written` when nothing of them is needed any more
   */
  onBody(bytes: Buffer): 'written' | 'kept'
  /** All that has arrived was handed over, and the response is not complete. */
  onPartial(): void
  /** The connection may be given to the next request if it `isIdle`. */
  onComplete(trailers: readonly string[]): void
  /** The origin answered 101: the link is the sink's now, nothing is attached to it that acts. */
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

export function fieldLines(fields: readonly string[]): string {
  let lines = ''
  for (let i = 0; i + 1 < fields.length; i += 2) lines += `${fields[i]}: ${fields[i + 1]}\r\n`
  return lines
}
