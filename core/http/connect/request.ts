import type { Asking } from '../../api/asking.js'
import { ProxyError } from '../../base/errors.js'
import { checkRequest } from '../../http1/messages.js'
import { abortReason } from '../../origin/dial.js'
import type { ClientLink } from '../../vconn/link.js'
import type { ClientRequest, ConnectAnswers } from '../listener/client-request.js'
import { refuse } from '../listener/listener.js'
import type { TunnelLogin } from '../listener/open-tunnels.js'
import type { Pages } from '../pages/templates.js'
import type { TunnelOrigin } from '../transaction/summary.js'
import { parseConnectTarget } from '../transaction/target.js'
import type { TunnelJudgement } from './tunnel-judgement.js'

/** One CONNECT request: its target, its socket, and whether it has been answered. */
export interface ConnectRequest {
  readonly req: ClientRequest
  readonly link: ClientLink
  /** What the client has sent behind the request without waiting for the answer. */
  readonly early: Buffer
  /** As {@link import('../../base/host.js').Host} has it. */
  readonly host: string
  readonly isAddress: boolean
  readonly port: number
  /** Milliseconds of `performance.now()`. */
  readonly startedAt: number
  /** Says that the tunnel is open. From here on an error has no reply in the protocol of the request. */
  establish(): void
  readonly isEstablished: boolean
  /** What was decided last; filled in by what serves it, as are `origin`, `asking` and `login`. */
  judgement: TunnelJudgement | undefined
  origin: TunnelOrigin | undefined
  /** The client and the transaction that ask for the origin, for plugins. */
  asking: Asking | undefined
  /** What lets the tunnel exist; undefined where no reload takes that away. */
  login: TunnelLogin | undefined
}

/**
 * @throws {ProxyError} PTC_CONNECT_TARGET, PTC_REQUEST_MALFORMED, PTC_REQUEST_VERSION
 */
export function readConnectRequest(
  req: ClientRequest,
  link: ClientLink,
  early: Buffer,
  answers: ConnectAnswers,
): ConnectRequest {
  checkRequest(req.method, req.httpVersion, req.rawHeaders)
  checkNoBody(req)
  const { host, isAddress, port } = parseConnectTarget(req.url ?? '')
  let isEstablished = false
  return {
    req,
    link,
    early,
    host,
    isAddress,
    port,
    startedAt: performance.now(),
    establish: () => {
      isEstablished = true
      answers.establish(link)
    },
    judgement: undefined,
    origin: undefined,
    asking: undefined,
    login: undefined,
    get isEstablished() {
      return isEstablished
    },
  }
}

/**
 * Judges the login again where a reload has come since.
 * @param signal aborts when the client leaves
 * @throws {ProxyError} the login counts no more, or the signal's reason
 */
export async function checkLogin({ login }: ConnectRequest, signal: AbortSignal): Promise<void> {
  const refusal = await login?.judge()
  if (signal.aborted) throw abortReason(signal)
  if (refusal !== undefined) throw refusal
}

/** RFC 9110 section 9.3.6: a body of CONNECT means nothing; what one side takes for it, another takes for the tunnel. */
function checkNoBody({ headers }: ClientRequest): void {
  const length = headers['content-length']
  if (headers['transfer-encoding'] === undefined && (length === undefined || /^0+$/.test(length))) return
  throw new ProxyError('PTC_REQUEST_MALFORMED', 'a CONNECT request has no body')
}

const ESTABLISHED = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n')

export const HTTP_ANSWERS: ConnectAnswers = {
  establish: link => void link.write(ESTABLISHED),
  refuse: (req, link, error, pages) => refuse(link, error, req, pages),
}

/** Answers, unless the client has left. */
export function refuseConnect(
  req: ClientRequest,
  link: ClientLink,
  error: ProxyError,
  answers: ConnectAnswers,
  pages?: Pages,
): void {
  if (link.isClosed || error.code === 'PTC_CLIENT_GONE') link.destroy()
  else answers.refuse(req, link, error, pages)
}

/** The end of a tunnel that may not pass any more when it could. */
export const withdrawn = (): ProxyError =>
  new ProxyError('PTC_ORIGIN_CLOSED', 'an acceptance that it rests on has ended while it waited')
