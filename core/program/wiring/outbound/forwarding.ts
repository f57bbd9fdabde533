import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { FairQueue } from '../../../base/fair-queue.js'
import type { Records } from '../../../config/records-table.js'
import { Forwarder } from '../../../http/transaction/forward.js'
import type { Summary } from '../../../http/transaction/summary.js'
import { Via } from '../../../http/transaction/via.js'
import { OriginConnector } from '../../../origin/connect.js'
import type { DialOptions } from '../../../origin/dial.js'
import type { Generation, Logs } from '../../generation.js'
import { activeTimeout } from '../inbound/limits.js'

const SECOND = 1000
/** Idle connections to all origins together, in multiples of those to one. */
const IDLE_ORIGINS = 16

/** Ties the records about connections to origins to those who make and keep them. @param setup of this moment */
export function makeConnector(
  setup: () => Generation,
  { queue, revoking }: Pick<Logs, 'queue' | 'revoking'>,
  dial: DialOptions,
): OriginConnector {
  const connector = new OriginConnector({
    dial,
    pool: {
      get maxIdle() {
        return setup().records['proxy.config.http.origin_max_idle'] * IDLE_ORIGINS
      },
      get maxIdlePerKey() {
        return setup().records['proxy.config.http.origin_max_idle']
      },
      get idleTimeout() {
        return setup().records['proxy.config.http.keep_alive_no_activity_timeout_out'] * SECOND
      },
    },
    http1: {
      get maxHeadBytes() {
        return setup().records['proxy.config.http.response_header_max_size']
      },
      get hasPrivateLogins() {
        return setup().records['proxy.config.http.auth_server_session_private'] === 1
      },
    },
    queue,
    startTls: (tcp, target, signal) => setup().verification.startTls(tcp, target, signal),
    startPlain: (tcp, target, signal) => {
      const start = setup().vconns.startUntilClosed(tcp, target, signal)
      return start instanceof Promise ? start.then(({ vconn }) => vconn.shown) : start.vconn.shown
    },
    policyDigest: ({ scheme, host }) => (scheme === 'http' ? '' : setup().verification.policyOf(host).digest),
  })
  revoking.join('connections', isRevoked => connector.revoke(isRevoked))
  return connector
}

/** Ties the records about requests to those who forward them. @param setup of this moment */
export function makeForwarder(
  setup: () => Generation,
  queue: FairQueue,
  connector: OriginConnector,
  onDone: (summary: Summary) => void,
): Forwarder {
  const via = viaOf(() => setup().records)
  return new Forwarder({
    connector,
    queue,
    get via() {
      return via()
    },
    get idleTimeout() {
      return setup().records['proxy.config.http.transaction_no_activity_timeout_out'] * SECOND
    },
    pages: () => setup().pages,
    get activeTimeout() {
      return activeTimeout(setup().records)
    },
    get upgradeIdleTimeout() {
      return setup().records['proxy.config.websocket.no_activity_timeout'] * SECOND
    },
    onDone,
    hooks: () => setup().points.transaction,
  })
}

/** The proxy's entry in Via: made anew when a reload has changed the records, with the same token. */
function viaOf(records: () => Records): () => Via {
  const token = randomBytes(4).toString('hex')
  let made: { readonly from: Records; readonly via: Via } | undefined
  return () => {
    const from = records()
    if (made?.from !== from) {
      const places = {
        inRequests: from['proxy.config.http.insert_request_via_str'] === 1,
        inResponses: from['proxy.config.http.insert_response_via_str'] === 1,
      }
      made = { from, via: new Via(from['proxy.config.proxy_name'] ?? hostname(), places, token) }
    }
    return made.via
  }
}
