import type { RequestHead } from '../../http1/messages.js'
import { authorization, refusal } from './http-connect.js'
import type { Way } from './way.js'

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
