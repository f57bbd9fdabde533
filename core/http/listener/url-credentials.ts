import { fieldValue } from '../../base/fields.js'
import type { ReceivedHead } from '../../http1/request-reader.js'

/** Scheme, user information up to the last `@` of the authority, and the rest of an absolute URL. */
const WITH_USER = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#\\]*)@(.*)$/is

/**
 * Takes name and password out of a URL, as programs send them that were given `http://name:password@host/`. They become a
 * Basic Authorization field (RFC 7617) unless the client has sent one. Nothing behind this function sees them in a URL: no
 * origin, plugin, page or log. Other targets stay, and `name@host` is refused where only a host may stand.
 */
export function withoutUrlCredentials(head: ReceivedHead): ReceivedHead {
  if (!head.url.includes('@') || head.method === 'CONNECT') return head
  const [, scheme, user, rest] = WITH_USER.exec(head.url) ?? []
  if (scheme === undefined || user === undefined || rest === undefined) return head
  const url = `${scheme}${rest}`
  const { rawHeaders } = head
  if (/^:?$/.test(user) || fieldValue(rawHeaders, 'authorization') !== undefined) return { ...head, url }
  const credentials = decoded(user.includes(':') ? user : `${user}:`)
  const authorization = `Basic ${Buffer.from(credentials, 'latin1').toString('base64')}`
  return { ...head, url, rawHeaders: [...rawHeaders, 'Authorization', authorization] }
}

/** Each byte is one character. A percent sign that encodes nothing stands for itself. */
const decoded = (text: string): string =>
  text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
