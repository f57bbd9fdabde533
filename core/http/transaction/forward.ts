import { METHODS } from 'node:http'
import { ProxyError } from '../../base/errors.js'
import { scan } from '../../http1/headers.js'
import type { ClientReply } from '../listener/client-reply.js'
import type { ClientRequest } from '../listener/client-request.js'
import { errorReply, sendReply } from '../pages/replies.js'
import type { ForwarderOptions } from './forwarder-options.js'
import { answerHere, hopsLeft } from './max-forwards.js'
import { outgoingRequest } from './outgoing.js'
import { refusedSummary } from './summary.js'
import { checkHost, checkVersion, parseRequestTarget, type RequestTarget } from './target.js'
import { Transaction } from './transaction.js'

/** Takes requests in absolute form and has them answered by their origin, or by an error page. */
export class Forwarder {
  readonly options: ForwarderOptions

  constructor(options: ForwarderOptions) {
    this.options = options
  }

  /**
   * Never throws: what goes wrong is the answer. In a storm of handshakes a request waits for the turn of its client
   * and host, so that taking in thousands of them does not hold up all others.
   * @param readTarget where a request goes; by default what its absolute form says
   */
  handle(req: ClientRequest, res: ClientReply, readTarget = absoluteTarget): void {
    const startedAt = performance.now()
    const { queue } = this.options
    if (queue === undefined || queue.size === 0) return this.#handle(req, res, readTarget, startedAt)
    const refuse = (why: ProxyError): void =>
      res.isGone ? this.#onGone(req, startedAt) : this.#refuse(req, res, startedAt, why)
    const handle = (): void =>
      res.isGone ? this.#onGone(req, startedAt) : this.#handle(req, res, readTarget, startedAt)
    queue.run({ network: req.client.network, host: hostOf(req, readTarget) }, 0, handle, refuse)
  }

  #onGone(req: ClientRequest, startedAt: number): void {
    const gone = new ProxyError('PTC_CLIENT_GONE', 'the client left while its request waited for its turn')
    this.options.onDone?.(refusedSummary(req, 0, performance.now() - startedAt, gone))
  }

  #handle(req: ClientRequest, res: ClientReply, readTarget: typeof absoluteTarget, startedAt: number): void {
    try {
      checkRequest(req)
      const { method = '', url } = req
      const scanned = scan(req.rawHeaders)
      const isForProxy = url === '*' && method === 'OPTIONS' && readTarget === absoluteTarget
      const target = isForProxy ? undefined : readTarget(req)
      const hops = hopsLeft(method, scanned)
      if (target === undefined || hops === 0) return this.#answer(req, res, startedAt)
      const { via, hooks: points } = this.options.current()
      const request = outgoingRequest(req, req.rawHeaders, scanned, target, hops, via)
      const transaction = new Transaction(this.options, points, req, res, target, request, startedAt)
      if (points === undefined) transaction.start()
      else transaction.start(raw => outgoingRequest(req, raw, scanned, target, hops, via))
    } catch (error) {
      this.#refuse(req, res, startedAt, error instanceof ProxyError ? error : internal(error))
    }
  }

  #refuse(req: ClientRequest, res: ClientReply, startedAt: number, why: ProxyError): void {
    sendReply(res, errorReply(why, { host: undefined }, req.headers, this.options.current().pages))
    this.options.onDone?.(refusedSummary(req, res.statusCode, performance.now() - startedAt, why))
  }

  #answer(req: ClientRequest, res: ClientReply, startedAt: number): void {
    answerHere(req, res)
    this.options.onDone?.(refusedSummary(req, res.statusCode, performance.now() - startedAt, undefined))
  }
}

/** The host that the request's turn counts for; a request whose target cannot be read is refused in its turn. */
function hostOf(req: ClientRequest, readTarget: typeof absoluteTarget): string {
  try {
    return readTarget(req).host
  } catch {
    return ''
  }
}

function checkRequest({ method = '', rawHeaders, httpVersion }: ClientRequest): void {
  checkVersion(httpVersion)
  if (!HTTP_METHODS.has(method))
    throw new ProxyError('PTC_REQUEST_MALFORMED', `the request is not in HTTP/1.x (${method})`)
  checkHost(rawHeaders, httpVersion)
}

/** The parser also takes RTSP, which has methods of its own. */
const HTTP_METHODS: ReadonlySet<string> = new Set(METHODS)

const absoluteTarget = ({ method = '', url = '' }: ClientRequest): RequestTarget =>
  parseRequestTarget(method, url)

const internal = (error: unknown): ProxyError =>
  new ProxyError('PTC_INTERNAL', 'the request could not be handled', { cause: error })
