import { randomBytes } from 'node:crypto'
import { type Current, derived } from '../../../base/current.js'
import type { FairQueue } from '../../../base/fair-queue.js'
import { describe } from '../../../base/thrown.js'
import type { OpenTunnels } from '../../../http/listener/open-tunnels.js'
import { Forwarder } from '../../../http/transaction/forward.js'
import { Via } from '../../../http/transaction/outgoing.js'
import type { Summary } from '../../../http/transaction/summary.js'
import { OriginConnector } from '../../../origin/connect.js'
import type { ReachOptions } from '../../../origin/parents/reach.js'
import { judgeOtherName, needsNoHandshake } from '../../../tls/outbound/other-name.js'
import type { OutboundSettings } from '../../../tls/outbound/settings.js'
import type { Generation } from '../../generation.js'
import type { LastingParts } from '../../lasting-parts.js'

/** Opens connections to origins, and keeps them. */
export function makeConnector(
  current: Current<Generation>,
  { queue, revoking, diags }: Pick<LastingParts, 'queue' | 'revoking' | 'diags'>,
  dial: Current<ReachOptions>,
): OriginConnector {
  const connector = new OriginConnector({
    dial,
    routes: () => current().routes,
    pool: () => current().settings.origin.pool,
    http1: () => current().settings.origin.http1,
    http2: () => current().settings.origin.http2,
    queue,
    startTls: (tcp, target, signal) => current().verification.startTls(tcp, target, signal),
    startPlain: (tcp, target, signal) => {
      const start = current().vconns.startUntilClosed(tcp, target, signal)
      return start instanceof Promise ? start.then(({ vconn }) => vconn.shown) : start.vconn.shown
    },
    policyDigest: ({ scheme, host }, way) => {
      const { verification, settings } = current()
      const { header } = settings.parents
      const policy = scheme === 'http' ? '' : verification.policyOf(host).digest
      const own = header === 'none' ? policy : `${policy} announced ${header}`
      const isSecure = way.kind === 'parent' && way.parent.scheme === 'https'
      return isSecure ? `${own} ${verification.digestOfParent(way.parent.host)}` : own
    },
    otherNames: derived(current, ({ settings, verification, points }) => {
      // A plugin on the start of connections would not be asked about this name.
      if (!settings.origin.isCoalescing || points.outboundStart !== undefined) return undefined
      const settingsOf = (host: string): OutboundSettings => verification.policyOf(host).settings
      return {
        canBeJudged: host => needsNoHandshake(settingsOf(host)),
        judge: (peer, host) => judgeOtherName(peer, host, settingsOf(host)),
      }
    }),
    revocations: revoking.log,
    onFault: why => diags.error(`${describe(why)}; the proxy goes on`),
  })
  revoking.join('connections', isRevoked => connector.revoke(isRevoked))
  return connector
}

/** This proxy's entry in Via. It keeps its token across reloads: the proxy finds loops by it. */
export function makeVia(
  current: Current<Pick<Generation, 'settings'>>,
  token = randomBytes(4).toString('hex'),
): Current<Via> {
  return derived(
    current,
    ({ settings: { transaction } }) => new Via(transaction.via.name, transaction.via, token),
  )
}

/** Forwards requests. */
export function makeForwarder(
  current: Current<Generation>,
  queue: FairQueue,
  connector: OriginConnector,
  via: Current<Via>,
  tunnels: OpenTunnels,
  onDone: (summary: Summary) => void,
): Forwarder {
  return new Forwarder({
    connector,
    queue,
    tunnels,
    onDone,
    current: derived(current, ({ settings: { transaction }, pages, points }) => ({
      ...transaction,
      via: via(),
      pages,
      hooks: points.transaction,
    })),
  })
}
