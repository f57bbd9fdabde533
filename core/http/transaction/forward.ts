import { toProxyError } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import { fieldEntries, fieldLines } from '../../base/fields.js'
import { type Scanned, scan } from '../../http1/headers.js'
import { checkRequest, type RequestHead } from '../../http1/messages.js'
import type { ClientReply } from '../listener/client-reply.js'
import type { ClientRequest } from '../listener/client-request.js'
import type { TunnelLogin } from '../listener/open-tunnels.js'
import { errorReply, type Reply, sendReply } from '../pages/replies.js'
import { outgoingRequest } from './outgoing.js'
import { refusedSummary } from './summary.js'
import { parseRequestTarget, type RequestTarget } from './target.js'
import { type ForwarderOptions, Transaction } from './transaction.js'

/** Forwards requests in absolute form to their origins, or answers with an error page. */
export class Forwarder {
  readonly options: ForwarderOptions

  constructor(options: ForwarderOptions) {
    this.options = options
  }

  /**
   * Never throws: an error becomes the reply. While many handshakes wait, a request waits for a slot of its client and
   * host, so that a client with thousands of requests does not delay the others.
   * @param readTarget where a request goes; by default the origin of its absolute form
   */
  handle(req: ClientRequest, res: ClientReply, readTarget = absoluteTarget): void {
    const startedAt = performance.now()
    const { queue, tunnels } = this.options
    const login = req.isUpgrade ? tunnels?.login(req) : undefined // now: it has been admitted, and a reload may come while it waits
    if (queue === undefined || queue.size === 0) return this.#handle(req, res, readTarget, startedAt, login)
    const refuse = (why: ProxyError): void =>
      res.isGone ? this.#onGone(req, startedAt) : this.#refuse(req, res, startedAt, why)
    const handle = (): void =>
      res.isGone ? this.#onGone(req, startedAt) : this.#handle(req, res, readTarget, startedAt, login)
    queue.run({ network: req.client.network, host: hostOf(req, readTarget) }, 0, handle, refuse)
  }

  #onGone(req: ClientRequest, startedAt: number): void {
    const gone = new ProxyError('PTC_CLIENT_GONE', 'the client left while its request waited for a slot')
    this.options.onDone?.(refusedSummary(req, 0, performance.now() - startedAt, gone))
  }

  #handle(
    req: ClientRequest,
    res: ClientReply,
    readTarget: typeof absoluteTarget,
    startedAt: number,
    login: TunnelLogin | undefined,
  ): void {
    try {
      const { method, url } = req
      checkRequest(method, req.httpVersion, req.rawHeaders)
      const scanned = scannedOf(req)
      const isForProxy = url === '*' && method === 'OPTIONS' && readTarget === absoluteTarget
      const target = isForProxy ? undefined : readTarget(req)
      const hops = hopsLeft(method, scanned)
      if (target === undefined || hops === 0) return this.#answer(req, res, startedAt)
      const { via, clientFields, hidesAlternatives, hooks: points } = this.options.current()
      const requestOf = (raw: readonly string[]): RequestHead =>
        outgoingRequest(req, raw, scanned, target, hops, via, clientFields, hidesAlternatives)
      const request = requestOf(req.rawHeaders)
      const transaction = new Transaction(this.options, points, req, res, target, request, startedAt, login)
      if (points === undefined) transaction.start()
      else transaction.start(requestOf)
    } catch (error) {
      this.#refuse(req, res, startedAt, toProxyError(error, 'the request could not be handled'))
    }
  }

  #refuse(req: ClientRequest, res: ClientReply, startedAt: number, why: ProxyError): void {
    sendReply(res, errorReply(why, { host: undefined }, req.headers, this.options.current().pages))
    this.options.onDone?.(refusedSummary(req, res.statusCode, performance.now() - startedAt, why))
  }

  /** Answers an OPTIONS or a TRACE whose last hop is this proxy. */
  #answer(req: ClientRequest, res: ClientReply, startedAt: number): void {
    sendReply(res, req.method === 'TRACE' ? traceReply(req) : OPTIONS_REPLY)
    this.options.onDone?.(refusedSummary(req, res.statusCode, performance.now() - startedAt, undefined))
  }
}

/** A request of HTTP/2 needs no length for a body. */
function scannedOf(req: ClientRequest): Scanned {
  const scanned = scan(req.rawHeaders)
  const isStream = req.httpVersion === '2' && !req.isComplete && scanned.framing === 'none'
  return isStream ? { ...scanned, framing: 'chunked' } : scanned // seldom
}

/** The host whose slot the request takes. A request with an unreadable target takes one too, and is refused then. */
function hostOf(req: ClientRequest, readTarget: typeof absoluteTarget): string {
  try {
    return readTarget(req).host
  } catch {
    return ''
  }
}

const absoluteTarget = ({ method, url }: ClientRequest): RequestTarget => parseRequestTarget(method, url)

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
function hopsLeft(method: string, { maxForwards }: Scanned): number | undefined {
  if (maxForwards === undefined || (method !== 'OPTIONS' && method !== 'TRACE')) return undefined
  if (/^[0-9]+$/.test(maxForwards)) return Math.min(Number(maxForwards), MAX_HOPS)
  throw new ProxyError('PTC_REQUEST_MALFORMED', 'Max-Forwards is not a number')
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
