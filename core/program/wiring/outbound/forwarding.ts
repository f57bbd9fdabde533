import { randomBytes } from 'node:crypto'
import type { FairQueue } from '../../../base/fair-queue.js'
import { Forwarder } from '../../../http/transaction/forward.js'
import type { Summary } from '../../../http/transaction/summary.js'
import { Via } from '../../../http/transaction/via.js'
import { OriginConnector } from '../../../origin/connect.js'
import type { DialOptions } from '../../../origin/dial.js'
import type { TransactionSettings } from '../../../settings/http.js'
import type { Generation, Logs } from '../../generation.js'

/** Opens and keeps connections to origins. @param setup the generation in force */
export function makeConnector(
  setup: () => Generation,
  { queue, revoking }: Pick<Logs, 'queue' | 'revoking'>,
  dial: DialOptions,
): OriginConnector {
  const connector = new OriginConnector({
    dial,
    pool: {
      get maxIdle() {
        return setup().settings.origin.pool.maxIdle
      },
      get maxIdlePerKey() {
        return setup().settings.origin.pool.maxIdlePerKey
      },
      get idleTimeout() {
        return setup().settings.origin.pool.idleTimeout
      },
    },
    http1: {
      get maxHeadBytes() {
        return setup().settings.origin.http1.maxHeadBytes
      },
      get hasPrivateLogins() {
        return setup().settings.origin.http1.hasPrivateLogins
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

/** Forwards requests. @param setup the generation in force */
export function makeForwarder(
  setup: () => Generation,
  queue: FairQueue,
  connector: OriginConnector,
  onDone: (summary: Summary) => void,
): Forwarder {
  const via = viaOf(() => setup().settings.transaction.via)
  return new Forwarder({
    connector,
    queue,
    get via() {
      return via()
    },
    get idleTimeout() {
      return setup().settings.transaction.idleTimeout
    },
    get activeTimeout() {
      return setup().settings.transaction.activeTimeout
    },
    get upgradeIdleTimeout() {
      return setup().settings.transaction.upgradeIdleTimeout
    },
    pages: () => setup().pages,
    onDone,
    hooks: () => setup().points.transaction,
  })
}

/** The proxy's entry in Via. A reload changes name and places; the token stays, which is how loops are found. */
function viaOf(settings: () => TransactionSettings['via']): () => Via {
  const token = randomBytes(4).toString('hex')
  let made: { readonly from: TransactionSettings['via']; readonly via: Via } | undefined
  return () => {
    const from = settings()
    if (made?.from !== from) made = { from, via: new Via(from.name, from, token) }
    return made.via
  }
}
