import { ProxyError } from '../../base/errors.js'
import type { Scanned } from '../../http1/headers.js'
import type { ClientReply } from '../listener/client-reply.js'
import type { ClientRequest } from '../listener/client-request.js'
import { type Reply, sendReply } from '../pages/replies.js'

/** No field is this far from anywhere; more would not be a safe number. */
const MAX_HOPS = 1_000_000

const ALLOW = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT'

/** RFC 9110 section 9.3.8: what may be sensitive is left out. */
const NOT_TRACED: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'x-api-key',
])

/**
 * How many more hops a request may take (RFC 9110 section 7.6.2); undefined for methods that Max-Forwards says nothing
 * about.
 * @throws {ProxyError} PTC_REQUEST_MALFORMED
 */
export function hopsLeft(method: string, { maxForwards }: Scanned): number | undefined {
  if (maxForwards === undefined || (method !== 'OPTIONS' && method !== 'TRACE')) return undefined
  if (/^[0-9]+$/.test(maxForwards)) return Math.min(Number(maxForwards), MAX_HOPS)
  throw new ProxyError('PTC_REQUEST_MALFORMED', 'Max-Forwards is not a number')
}

/** Answers an OPTIONS or a TRACE that goes no further than here. */
export function answerHere(req: ClientRequest, res: ClientReply): void {
  sendReply(res, req.method === 'TRACE' ? traceReply(req) : OPTIONS_REPLY)
}

const OPTIONS_REPLY: Reply = {
  status: 200,
  reason: 'OK',
  headers: ['Allow', ALLOW, 'Content-Length', '0'],
  body: Buffer.alloc(0),
}

function traceReply({ url, httpVersion, rawHeaders }: ClientRequest): Reply {
  let text = `TRACE ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (!NOT_TRACED.has(name.toLowerCase())) text += `${name}: ${rawHeaders[i + 1]}\r\n`
  }
  const body = Buffer.from(`${text}\r\n`, 'latin1')
  const headers = ['Content-Type', 'message/http', 'Content-Length', String(body.length)]
  return { status: 200, reason: 'OK', headers, body }
}
