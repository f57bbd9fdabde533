import type { RequestHead } from '../../http1/messages.js'

/** Methods that may be repeated (RFC 9110 section 9.2.2), as far as the parser knows them. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
  'PROPFIND',
  'REPORT',
  'SEARCH',
  'QUERY',
])

/**
 * Whether a request may be sent again when the idle connection that it was sent on turns out to be closed. Not one with a
 * body: parts of it have gone, and are not kept.
 */
export function isRepeatable({ method, body }: RequestHead): boolean {
  return (body === 'none' || body === 0) && IDEMPOTENT.has(method)
}
