import type { IncomingHttpHeaders } from 'node:http'
import type { ProxyError } from '../../base/errors.js'
import type { ClientLink } from '../../vconn/link.js'
import type { Pages } from '../pages/templates.js'

/** What of a request its refusal depends on. */
export interface Refusable {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

/** What a client is answered, in the protocol in which it has asked for a tunnel. */
export interface ConnectAnswers {
  /** Says that the tunnel is open. */
  readonly establish: (link: ClientLink) => void
  /** Answers, and ends the connection. */
  readonly refuse: (req: Refusable, link: ClientLink, error: ProxyError, pages?: Pages) => void
}
