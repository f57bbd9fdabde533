import { METHODS } from 'node:http'
import { type ClientHello, readClientHello } from '../../tls/sniff/client-hello.js'

/** What a client sends first in a tunnel. */
export type Opening =
  | { readonly kind: 'tls'; readonly hello: ClientHello }
  /** `authorities`: what the request names, by its target and by its Host fields. */
  | { readonly kind: 'http'; readonly authorities: readonly string[] }
  /** Neither. */
  | { readonly kind: 'other'; readonly why: string }
  /** It begins like TLS or HTTP, and cannot be read as such. `alert`: what to tell a TLS client. */
  | { readonly kind: 'bad'; readonly why: string; readonly alert: number | undefined }

/** Bytes in which the head of a request must be complete. */
const MAX_HEAD = 16_384
/** Content types of TLS: no text begins with them. */
const FIRST_TLS = 20
const LAST_TLS = 23
/** What a request line may begin with; other first bytes pass at once, because a client may wait for an answer to them. */
const METHOD_STARTS = METHODS.map(method => `${method} `)
const LINE = /^[\r\n]*[!#$%&'*+.^_`|~0-9a-z-]{1,40} +(\S+) +HTTP\/1\.[0-9][ \t]*\r?\n/i
const HEAD_END = /\n\r?\n/

/**
 * Reads what has come so far, from the first byte of the tunnel on.
 * @param isEnded nothing more will come
 */
export function readOpening(bytes: Buffer, isEnded = false): Opening | 'more' {
  const more = isEnded ? NOTHING_MORE : 'more'
  const [first] = bytes
  if (first === undefined) return more
  if (first >= FIRST_TLS && first <= LAST_TLS) {
    const reading = readClientHello(bytes)
    if (reading.kind === 'more') return more
    if (reading.kind === 'hello') return { kind: 'tls', hello: reading.hello }
    return { kind: 'bad', why: reading.why, alert: reading.alert }
  }
  return readHttp(bytes.toString('latin1', 0, MAX_HEAD + 1)) ?? more
}

const NOTHING_MORE: Opening = { kind: 'other', why: 'the client sent nothing that could be read' }

/** Whether a request line could still come of it. */
function isLineOpen(text: string): boolean {
  const line = text.replace(/^[\r\n]+/, '').toUpperCase()
  if (text.length > MAX_HEAD || /[\0\n]/.test(line)) return false
  return METHOD_STARTS.some(start =>
    line.length < start.length ? start.startsWith(line) : line.startsWith(start),
  )
}

/** Undefined: more is needed. */
function readHttp(text: string): Opening | undefined {
  const line = LINE.exec(text)
  if (line === null) {
    return isLineOpen(text) ? undefined : { kind: 'other', why: 'the bytes are no TLS record' }
  }
  const [whole, target = ''] = line
  const end = HEAD_END.exec(text.slice(whole.length - 1))
  if (end === null) {
    if (text.length <= MAX_HEAD) return undefined
    return { kind: 'bad', why: 'the head of the request is too large', alert: undefined }
  }
  const fields = text.slice(whole.length, whole.length - 1 + end.index + 1)
  const hosts = [...fields.matchAll(/^host[ \t]*:([^\r\n]*)/gim)].map(([, value = '']) => value.trim())
  const [, authority] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#\\]*)/i.exec(target) ?? []
  return { kind: 'http', authorities: authority === undefined ? hosts : [authority, ...hosts] }
}
