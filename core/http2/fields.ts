/** Header fields between HTTP/2, as `node:http2` has them, and the flat lists of core/base/fields.ts. */
import type { OutgoingHttpHeaders } from 'node:http2'
import type { ProxyError } from '../base/errors.js'
import { fieldEntries, fieldValues } from '../base/fields.js'

/** Fields that say something about one HTTP/1.1 connection, and have no place in HTTP/2 (RFC 9113 section 8.2.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/** What `node:http2` says of a message: every field in turn, pseudo-header fields first. */
export interface Received {
  readonly pseudo: Readonly<Record<string, string>>
  /** Names and values in turn, in lower case, each byte one character. */
  readonly fields: readonly string[]
}

/**
 * Takes a message apart. nghttp2 has refused most of what is refused here; a message that is forwarded in HTTP/1.1 must not
 * depend on that.
 * @param raw names and values in turn
 * @param malformed makes the error
 */
export function received(raw: readonly string[], malformed: (what: string) => ProxyError): Received {
  const pseudo: Record<string, string> = Object.create(null)
  const fields: string[] = []
  for (const [name, value] of fieldEntries(raw)) {
    if (!name.startsWith(':')) {
      if (CONNECTION_FIELDS.has(name)) throw malformed(`the field ${name} is about an HTTP/1.1 connection`)
      if (name === 'te' && value.toLowerCase() !== 'trailers') throw malformed('TE is not trailers')
      fields.push(name, value)
    } else if (fields.length > 0) throw malformed(`${name} comes behind a header field`)
    else if (pseudo[name] !== undefined) throw malformed(`${name} comes twice`)
    else pseudo[name] = value
  }
  return { pseudo, fields }
}

/**
 * The length that a head announces for the body behind it; undefined where it announces none.
 * @param malformed makes the error
 */
export function lengthOf(
  fields: readonly string[],
  malformed: (what: string) => ProxyError,
): number | undefined {
  const [text, ...others] = fieldValues(fields, 'content-length')
  if (text === undefined) return undefined
  if (others.length > 0 || !/^[0-9]+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw malformed('its Content-Length is not a number')
  return Number(text)
}

/** One Cookie field of several (RFC 9113 section 8.2.3): a server of HTTP/1.1 knows one only. */
export function withOneCookie(fields: readonly string[]): readonly string[] {
  let cookie: string | undefined
  let at = -1
  const out: string[] = []
  for (const [name, value] of fieldEntries(fields)) {
    if (name !== 'cookie') out.push(name, value)
    else if (cookie !== undefined) cookie += `; ${value}`
    else {
      at = out.length
      cookie = value
      out.push(name, value)
    }
  }
  if (cookie !== undefined) out[at + 1] = cookie
  return out
}

/** Fields whose values clients take apart less well than repeated fields. */
const LISTS: ReadonlySet<string> = new Set(['set-cookie', 'www-authenticate', 'proxy-authenticate'])

/**
 * The object that `node:http2` sends. Repeated fields become one with a list (RFC 9110 section 5.3), because it refuses
 * several of some names.
 * @param fields names and values in turn; those about a connection are left out
 */
export function toHeaders(fields: readonly string[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null)
  for (const [field, value] of fieldEntries(fields)) {
    const name = field.toLowerCase()
    if (CONNECTION_FIELDS.has(name)) continue
    const before = headers[name]
    if (LISTS.has(name)) headers[name] = [...(before ?? []), value]
    else headers[name] = before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`
  }
  return headers
}
