/** Requests to a parent that speaks HTTP: CONNECT (RFC 9110 section 9.3.6), and what is forwarded in absolute form. */
import { authorityText } from '../../base/authority.js'
import { ProxyError } from '../../base/errors.js'
import type { ParentCredentials } from '../../config/parent-credentials.js'
import type { RequestHead } from '../../http1/messages.js'
import { HttpParser } from '../../http1/parser.js'
import type { Dialogue } from './dialogue.js'
import { type Parent, parentText, unauthorized, type Way } from './way.js'

/** Bytes of a head. */
const MAX_HEAD = 65_536
/** The most 1xx responses. */
const MAX_INTERIM = 100

/** The value of Proxy-Authorization. */
export function authorization(credentials: ParentCredentials): string {
  if (credentials.kind === 'bearer') return `Bearer ${credentials.token}`
  const { user, password } = credentials
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`
}

/**
 * @param host a name or an address, IPv6 without brackets
 * @param via this proxy's entry in Via, by which a loop is noticed; undefined where none is added
 */
export function connectDialogue(
  parent: Parent,
  host: string,
  port: number,
  via: string | undefined,
): Dialogue {
  const authority = authorityText(host, port)
  const { credentials } = parent
  const lines = [
    `CONNECT ${authority} HTTP/1.1`,
    `Host: ${authority}`,
    ...(via === undefined ? [] : [`Via: ${via}`]),
    ...(credentials === undefined ? [] : [`Proxy-Authorization: ${authorization(credentials)}`]),
  ]
  let isAnswered = false
  let interim = 0
  const parser = new HttpParser(
    'response',
    {
      onHead: () => {
        const { status } = parser
        if (status >= 100 && status < 200) return 'none'
        if (status < 200 || status > 299) throw refusal(parent, authority, status, parser.reason)
        isAnswered = true
        return 'upgrade'
      },
      onBody: () => {},
      onMessage: () => {
        interim += 1
        if (!isAnswered && interim > MAX_INTERIM) throw malformed(parent, 'too many interim responses')
        return !isAnswered
      },
    },
    MAX_HEAD,
  )
  return {
    first: Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
    take: bytes => {
      try {
        const consumed = parser.execute(bytes)
        if (!isAnswered) return {}
        return { rest: bytes.subarray(consumed) }
      } catch (cause) {
        if (!(cause instanceof ProxyError) || cause.code !== 'PTC_RESPONSE_MALFORMED') throw cause
        throw malformed(parent, ProxyError.textOf(cause))
      }
    },
    end: () => parser.free(),
  }
}

const malformed = (parent: Parent, why: string): ProxyError =>
  new ProxyError('PTC_PARENT_MALFORMED', `${parentText(parent)} did not answer CONNECT in HTTP/1.1: ${why}`)

/** The error for a parent that refuses to serve a request. @param what was asked for */
export function refusal(parent: Parent, what: string, status: number, reason: string): ProxyError {
  if (status === 407) return unauthorized(parent, ` (407 for ${what})`)
  const text = reason === '' ? `${status}` : `${status} ${reason}`
  return new ProxyError(
    'PTC_PARENT_REFUSED',
    `the parent proxy ${parentText(parent)} answered ${text} for ${what}`,
  )
}

/** What differs when requests without TLS are sent to a proxy (RFC 9112 section 3.2.2). */
export interface AbsoluteForm {
  /** The request as the parent is sent it. Its credentials are in no log, and no plugin sees them. */
  readonly request: (head: RequestHead) => RequestHead
  /** @throws {ProxyError} PTC_PARENT_AUTH for a 407: the parent demands credentials, or does not accept those of this proxy */
  readonly check: (status: number, reason: string) => void
}

/**
 * Undefined where requests are sent as to an origin.
 * @param authority of the origin: that of the request, and not a Host field that a plugin has changed
 */
export function absoluteForm(way: Way, authority: string): AbsoluteForm | undefined {
  if (way.kind === 'direct' || !way.parent.isProxy || way.parent.scheme === 'socks5') return undefined
  const { parent } = way
  const { credentials } = parent
  const own = credentials === undefined ? [] : ['Proxy-Authorization', authorization(credentials)]
  return {
    request: head => ({
      ...head,
      path: `http://${authority}${head.path === '*' ? '' : head.path}`,
      headers: [...head.headers, ...own],
    }),
    check: (status, reason) => {
      if (status === 407) throw refusal(parent, 'a request', status, reason)
    },
  }
}
