import type { IncomingMessage, ServerResponse } from 'node:http'
import { ProxyError } from '../base/errors.js'
import type { ForwarderOptions } from './forwarder-options.js'
import { errorReply, sendReply } from './replies.js'
import { refusedSummary } from './summary.js'
import { checkHost, parseRequestTarget, type RequestTarget } from './target.js'
import { Transaction } from './transaction.js'

/** Takes requests in absolute form and has them answered by their origin, or by an error page. */
export class Forwarder {
  readonly options: ForwarderOptions

  constructor(options: ForwarderOptions) {
    this.options = options
  }

  /**
   * Never throws: what goes wrong is the answer.
   * @param readTarget where a request goes; by default what its absolute form says
   */
  handle(req: IncomingMessage, res: ServerResponse, readTarget = absoluteTarget): void {
    const startedAt = performance.now()
    try {
      checkRequest(req)
      const target = readTarget(req)
      new Transaction(this.options, req, res, target, startedAt).start()
    } catch (error) {
      const known = error instanceof ProxyError ? error : internal(error)
      sendReply(res, errorReply(known, { host: undefined }, req.headers))
      this.options.onDone?.(refusedSummary(req, res.statusCode, performance.now() - startedAt, known))
    }
  }
}

function checkRequest({ rawHeaders, httpVersion }: IncomingMessage): void {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    throw new ProxyError('PTC_REQUEST_MALFORMED', `the request is in HTTP/${httpVersion}`)
  }
  checkHost(rawHeaders, httpVersion)
}

const absoluteTarget = ({ method = '', url = '' }: IncomingMessage): RequestTarget =>
  parseRequestTarget(method, url)

const internal = (error: unknown): ProxyError =>
  new ProxyError('PTC_INTERNAL', 'the request could not be handled', { cause: error })
