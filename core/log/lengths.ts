import type { RequestHead, ResponseHead } from '../http1/messages.js'

/** Bytes of a request's head as it is sent: `name: value` and CRLF each. */
export function requestLength({ method, path, headers, body }: RequestHead): number {
  const line = method.length + path.length + ' '.length + ' HTTP/1.1\r\n'.length
  return line + fieldsLength(headers) + framingLength(body) + '\r\n'.length
}

export function responseLength({ status, reason, headers }: ResponseHead): number {
  return 'HTTP/1.1 '.length + `${status} `.length + reason.length + 2 + fieldsLength(headers) + 2
}

/** Every byte is one character. */
function fieldsLength(headers: readonly string[]): number {
  let length = 0
  for (const text of headers) length += text.length + 2 // ": " behind a name, CRLF behind a value
  return length
}

function framingLength(body: RequestHead['body']): number {
  if (body === 'none') return 0
  return body === 'chunked' ? 'Transfer-Encoding: chunked\r\n'.length : `Content-Length: ${body}\r\n`.length
}

/** The host of a request-target in absolute or authority form; undefined for any other. */
export function hostOf(method: string, url: string): string | undefined {
  const authority = method === 'CONNECT' ? url : /^[a-z][a-z0-9+.-]*:\/\/([^/?#\\]*)/i.exec(url)?.[1]
  return authority?.replace(/^.*@/, '').replace(/:\d*$/, '') || undefined
}
