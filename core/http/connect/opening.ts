import { METHODS } from 'node:http'
import { ProxyError } from '../../base/errors.js'
import { type ClientHello, readClientHello } from '../../tls/sniff/client-hello.js'

/** What a client sends first in a tunnel. */
export type Opening =
  | { readonly kind: 'tls'; readonly hello: ClientHello }
  /** `authorities`: what the request names, by its target and by its Host fields. */
  | { readonly kind: 'http'; readonly authorities: readonly string[] }
  /** Neither. `isOpen`: the next bytes could still make it a request. */
  | { readonly kind: 'other'; readonly why: string; readonly isOpen: boolean }
  /** It begins like TLS or HTTP, and its host cannot be read. `alert`: what to tell a TLS client. */
  | { readonly kind: 'bad'; readonly why: string; readonly alert: number | undefined }

/** Bytes within which the head of a request must be complete, and within which a request must be told from other text. */
export const MAX_HEAD = 16_384
/** Content types of TLS: no text begins with them. */
const FIRST_TLS = 20
const LAST_TLS = 23
const SSL2_HELLO = 1
/** What a request line may begin with; other first bytes pass at once, because a client may wait for an answer to them. */
const METHOD_STARTS = METHODS.map(method => `${method} `)
const LINE = /^[\r\n]*([!#$%&'*+.^_`|~0-9a-z-]{1,40}) +(\S+) +HTTP\/1\.[0-9][ \t]*\r?\n/i
/** A first line that some server might take for a request line. */
const LIKE_LINE = /^\s*[!#$%&'*+.^_`|~0-9a-z-][^\0\n]*HTTP\/[0-9][^\0\n]*\n/i
/** What could still become one. */
const OPEN_LINE = /^\s*(?:[!#$%&'*+.^_`|~0-9a-z-][^\0\n]*)?$/i
const HEAD_END = /\n\r?\n/
/** The PROXY protocol of HAProxy. What follows its header is a connection of its own, for whatever host. */
const PROXY_V1 = /^PROXY /
const PROXY_V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n')

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
  const old = beginsLikeSsl2(bytes)
  if (old === 'more') return more
  if (old) return bad('it is a ClientHello in the frame of SSLv2')
  const start = bytes.subarray(0, PROXY_V2.length)
  if (start.equals(PROXY_V2)) return bad(PROXY_HEADER)
  if (start.equals(PROXY_V2.subarray(0, start.length))) return more
  return readHttp(bytes.toString('latin1', 0, MAX_HEAD + 1)) ?? more
}

/** RFC 5246 appendix E.2: TLS 1.2 servers may still accept a ClientHello in this frame. It has no server name. */
function beginsLikeSsl2(bytes: Buffer): boolean | 'more' {
  const [first = 0, , type = SSL2_HELLO, major = 3, minor = 2] = bytes
  const isLike = first >= 0x80 && type === SSL2_HELLO && (major === 3 || (major === 0 && minor === 2))
  return isLike && bytes.length < 5 ? 'more' : isLike
}

const NOTHING_MORE: Opening = {
  kind: 'other',
  why: 'the client sent nothing that could be read',
  isOpen: false,
}
const PROXY_HEADER = 'it begins with a header of the PROXY protocol'

const bad = (why: string): Opening => ({ kind: 'bad', why, alert: undefined })

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
  if (line === null) return isLineOpen(text) ? undefined : readOther(text)
  const [whole, method = '', target = ''] = line
  if (method.toUpperCase() === 'CONNECT') return bad('it is a CONNECT inside a tunnel')
  const end = HEAD_END.exec(text.slice(whole.length - 1))
  if (end === null) {
    if (text.length <= MAX_HEAD) return undefined
    return bad('the head of the request is too large')
  }
  const fields = text.slice(whole.length, whole.length - 1 + end.index + 1)
  const hosts = [...fields.matchAll(/^host[ \t]*:([^\r\n]*)/gim)].map(([, value = '']) => value.trim())
  return { kind: 'http', authorities: authoritiesOf(target, hosts) }
}

/**
 * What a request names.
 * @param hosts its Host fields
 */
export function authoritiesOf(target: string, hosts: readonly string[]): readonly string[] {
  const [, authority] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#\\]*)/i.exec(target) ?? []
  return (authority === undefined ? hosts : [authority, ...hosts]).map(text => text.replace(/^.*@/, ''))
}

/** No request that can be read. */
function readOther(text: string): Opening {
  if (PROXY_V1.test(text)) return bad(PROXY_HEADER)
  if (/^PRI \* HTTP\/2/.test(text)) return bad('it is HTTP/2 without TLS')
  if (LIKE_LINE.test(text)) return bad('its request line is malformed')
  const isOpen = OPEN_LINE.test(text)
  // Web servers skip any number of empty lines, and some read a line of a megabyte.
  if (isOpen && text.length > MAX_HEAD) return bad('a first line of more than 16 KiB may be a request')
  return { kind: 'other', why: 'the bytes are no TLS record', isOpen }
}

/** @param why what it was, as the end of a sentence */
export const hiddenHost = (why: string): ProxyError =>
  new ProxyError('PTC_TUNNEL_HIDDEN', `what the client sent hides which host it is for: ${why}`)

/** @param why as for {@link hiddenHost} */
export const notTls = (why: string): ProxyError =>
  new ProxyError(
    'PTC_TUNNEL_NOT_TLS',
    `the client does not speak TLS: ${why}; only proxy.config.http.connect.verify.non_tls tunnel lets that pass`,
  )

/** @param why as for {@link hiddenHost} */
export const encryptedHello = (why: string): ProxyError =>
  new ProxyError(
    'PTC_TUNNEL_ECH',
    `the ClientHello is encrypted (ECH), and no GREASE: ${why}; proxy.config.http.connect.verify.ech allow lets it pass`,
  )
