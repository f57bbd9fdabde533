import type { IncomingMessage, ServerResponse } from 'node:http'
import { ProxyError } from '../base/errors.js'
import type { OriginConnector } from '../origin/connect.js'
import type { Channel } from '../origin/http1.js'
import { errorReply, sendReply } from './replies.js'
import { checkHost, parseRequestTarget, type RequestTarget } from './target.js'
import { Transaction } from './transaction.js'

export interface ForwarderOptions {
  readonly connector: OriginConnector
  /** The name in Via: a pseudonym or host (RFC 9110 section 7.6.3). */
  readonly viaName: string
  /** Milliseconds in which not a byte moves, after which a transaction is given up. A parked handshake has its own. */
  readonly idleTimeout: number
  /** Called when a request is about to leave; the channel says over which connection and as whom. */
  readonly onSend?: (method: string, url: string, channel: Channel) => void
  /** Called exactly once per request, when it is over. */
  readonly onDone?: (summary: Summary) => void
}

/** A finished transaction, for the log and the metrics. */
export interface Summary {
  readonly method: string
  /** The request-target as received. */
  readonly url: string
  readonly clientAddress: string | undefined
  /** What the client was answered; 0 if it left before. */
  readonly status: number
  /** Body bytes from the client. */
  readonly bytesUp: number
  /** Body bytes to the client. */
  readonly bytesDown: number
  readonly milliseconds: number
  /** Whether the connection to the origin had served before. */
  readonly isReused: boolean
  readonly error: ProxyError | undefined
}

/** Takes requests in absolute form and has them answered by their origin, or by an error page. */
export class Forwarder {
  readonly options: ForwarderOptions

  constructor(options: ForwarderOptions) {
    this.options = options
  }

  /** Never throws: what goes wrong is the answer. */
  handle(req: IncomingMessage, res: ServerResponse): void {
    const startedAt = performance.now()
    try {
      const target = this.#check(req)
      new Transaction(this.options, req, res, target, startedAt).start()
    } catch (error) {
      const known = error instanceof ProxyError ? error : internal(error)
      sendReply(res, errorReply(known, { host: undefined }, req.headers))
      this.options.onDone?.({
        method: req.method ?? '',
        url: req.url ?? '',
        clientAddress: req.socket.remoteAddress,
        status: res.statusCode,
        bytesUp: 0,
        bytesDown: 0,
        milliseconds: performance.now() - startedAt,
        isReused: false,
        error: known,
      })
    }
  }

  #check(req: IncomingMessage): RequestTarget {
    const { method = '', url = '', rawHeaders, httpVersion } = req
    if (httpVersion !== '1.1' && httpVersion !== '1.0') {
      throw new ProxyError('PTC_REQUEST_MALFORMED', `the request is in HTTP/${httpVersion}`)
    }
    checkHost(rawHeaders, httpVersion)
    return parseRequestTarget(method, url)
  }
}

const internal = (error: unknown): ProxyError =>
  new ProxyError('PTC_INTERNAL', 'the request could not be handled', { cause: error })
