/** The facts about an error that a client may see. Pages, JSON and header fields use nothing else of the error. */
import { ERRORS, isAnswered, type Side } from '../../base/error-table.js'
import type { ErrorCode, ProxyError } from '../../base/errors.js'
import { type Rejection, VerifyRejected } from '../../tls/judge/verdict.js'
import { PluginRefused, type Refusal } from '../../wait/refusal.js'
import { adviceFor } from './advice.js'
import { type Advice, BY_CODE } from './advice-table.js'

/**
 * How much clients see of the reasons of an error (proxy.config.http.errors.details). `code` and `none` show no plugin, rule
 * or record, and no text of a plugin: they would show the operator's policy.
 */
export type ErrorDetails = 'none' | 'code' | 'full'

/** What an error page is about, as far as it is known. */
export interface About {
  /** Host, or host and port, that the request was for. */
  readonly host: string | undefined
}

export interface Told {
  readonly status: number
  /** The value of `error=` in Proxy-Status. */
  readonly type: string
  readonly message: string
  /** The judged host; otherwise the host of the request. */
  readonly host: string | undefined
  /** The host of the request. */
  readonly about: string | undefined
  readonly advice: Advice
  /** A question that waits for an operator; the client names its id to the operator. */
  readonly hold: { readonly id: string; readonly retryAfter: number } | undefined
  /** Undefined with `none`. */
  readonly code: ErrorCode | undefined
  readonly side: Side | undefined
  /** With `full` only, as all fields below. */
  readonly remedy: string | undefined
  readonly rejection: Rejection | undefined
  readonly refusal: Refusal | undefined
}

export function toldOf(error: ProxyError, about: About, details: ErrorDetails): Told {
  const { code, side } = error
  const rejection = error instanceof VerifyRejected ? error.rejection : undefined
  const { remedy, proxyStatus } = ERRORS[code]
  const common = {
    status: error.status === 0 || error.status === 499 ? 500 : error.status,
    type: proxyStatus || 'proxy_internal_error',
    hold: rejection?.hold,
    about: about.host,
  }
  if (details === 'full') {
    const refusal = error instanceof PluginRefused ? error.refusal : undefined
    const host = rejection?.host ?? about.host
    const advice = adviceFor(error, about.host)
    return { ...common, code, side, message: error.message, host, advice, remedy, rejection, refusal }
  }
  const isCoded = details === 'code'
  const text = isCoded ? clientAdvice(code) : common.hold === undefined ? ASK : AGAIN
  return {
    ...common,
    code: isCoded ? code : undefined,
    side: isCoded ? side : undefined,
    message: isCoded
      ? `the proxy has not served the request: ${code}`
      : 'the proxy has not served the request',
    host: about.host,
    advice: { client: text, operator: text },
    remedy: undefined,
    rejection: undefined,
    refusal: undefined,
  }
}

const ASK = 'Ask the operator of this proxy.'
const AGAIN = 'Ask again after the seconds in Retry-After.'

/** The general advice for a code, unless it refers to the message or names a record. */
function clientAdvice(code: ErrorCode): string {
  const text = isAnswered(code) ? BY_CODE[code]('HOST').client : ASK
  return /the message|proxy\.config|plugin/i.test(text) ? ASK : text
}
