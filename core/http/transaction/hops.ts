import { randomBytes } from 'node:crypto'
import { ProxyError } from '../../base/errors.js'
import { fieldEntries, fieldLines } from '../../base/fields.js'
import type { Scanned } from '../../http1/headers.js'
import type { ClientReply } from '../listener/client-reply.js'
import type { ClientRequest } from '../listener/client-request.js'
import { type Reply, sendReply } from '../pages/replies.js'

/** Where Via is added: proxy.config.http.insert_request_via_str and insert_response_via_str. */
export interface ViaOptions {
  readonly inRequests: boolean
  readonly inResponses: boolean
}

/** Characters that a pseudonym must not have (RFC 9110 section 5.6.2). */
const NO_TOKEN = /[^!#$%&'*+.^_`|~0-9a-z-]/gi

/**
 * This proxy's entry in Via (RFC 9110 section 7.6.3). The proxy detects a request that it has sent itself by a random token
 * behind its name: two proxies with one name are no loop, and a loop is detected after a reload has changed the name.
 */
export class Via {
  readonly pseudonym: string
  readonly #options: ViaOptions
  readonly #token: string
  readonly #old: string
  readonly #current: string
  readonly #new: string

  constructor(
    name: string,
    options: ViaOptions = { inRequests: true, inResponses: true },
    token = randomBytes(4).toString('hex'),
  ) {
    this.#token = `-${token}`
    this.pseudonym = `${name.replace(NO_TOKEN, '-')}${this.#token}`
    this.#options = options
    this.#old = `1.0 ${this.pseudonym}`
    this.#current = `1.1 ${this.pseudonym}`
    this.#new = `2 ${this.pseudonym}`
  }

  /** The entry for a request that was received in this version of HTTP; undefined where none is added. */
  ofRequest(version: string): string | undefined {
    return this.#options.inRequests ? this.#entry(version) : undefined
  }

  /** The same for a response. */
  ofResponse(version: string): string | undefined {
    return this.#options.inResponses ? this.#entry(version) : undefined
  }

  /** Whether a message with this Via field has passed this proxy before. */
  isIn(field: string): boolean {
    return field.includes(this.#token)
  }

  #entry(version: string): string {
    if (version === '2') return this.#new
    return version === '1.0' ? this.#old : this.#current
  }
}

/** Larger values of Max-Forwards count as this one. */
const MAX_HOPS = 1_000_000

const ALLOW = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT'

/** Fields that may hold secrets: TRACE leaves them out (RFC 9110 section 9.3.8). */
const NOT_TRACED: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'x-api-key',
])

/**
 * How many more hops a request may take (RFC 9110 section 7.6.2); undefined where Max-Forwards sets no limit.
 * @throws {ProxyError} PTC_REQUEST_MALFORMED
 */
export function hopsLeft(method: string, { maxForwards }: Scanned): number | undefined {
  if (maxForwards === undefined || (method !== 'OPTIONS' && method !== 'TRACE')) return undefined
  if (/^[0-9]+$/.test(maxForwards)) return Math.min(Number(maxForwards), MAX_HOPS)
  throw new ProxyError('PTC_REQUEST_MALFORMED', 'Max-Forwards is not a number')
}

/** Answers an OPTIONS or a TRACE whose last hop is this proxy. */
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
  const shown = fieldEntries(rawHeaders).filter(([name]) => !NOT_TRACED.has(name.toLowerCase()))
  const body = Buffer.from(`TRACE ${url} HTTP/${httpVersion}\r\n${fieldLines(shown.flat())}\r\n`, 'latin1')
  const headers = ['Content-Type', 'message/http', 'Content-Length', String(body.length)]
  return { status: 200, reason: 'OK', headers, body }
}
