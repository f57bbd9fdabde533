import { isPortIn } from '../../../config/connect-ports.js'
import { type BumpedConnections, bumpedConnections } from '../../../http/connect/bump.js'
import { ConnectHandler, type ConnectSummary } from '../../../http/connect/connect.js'
import { connectServer, type ServeOptions } from '../../../http/connect/serve.js'
import type { TunnelOptions } from '../../../http/connect/tunnel.js'
import type { ListenerLimits } from '../../../http/listener/client-host.js'
import type { Pages } from '../../../http/pages/templates.js'
import type { Forwarder } from '../../../http/transaction/forward.js'
import type { Summary } from '../../../http/transaction/summary.js'
import type { OriginConnector } from '../../../origin/connect.js'
import type { DialOptions } from '../../../origin/dial.js'
import { Prober } from '../../../origin/prober.js'
import type { Settings } from '../../../settings/settings.js'
import { toNames } from '../../../tls/judge/names.js'
import type { Revoking } from '../../revoking.js'
import type { HookPoints } from '../hook-points.js'
import type { Verification } from '../outbound/verification.js'
import type { Access } from './access.js'
import { type BumpGeneration, bumpPort } from './bump-port.js'
import { connectModeOf } from './connect-mode.js'
import type { HandshakeParts } from './handshake-settings.js'

/** The parts of a generation that CONNECT needs. Each request asks for the generation in force. */
export interface ConnectGeneration extends BumpGeneration {
  readonly settings: Pick<Settings, 'inboundTls' | 'connect'>
  readonly access: Access
  readonly verification: Verification
  readonly pages: Pages
  readonly points: HookPoints
}

export interface ConnectParts {
  readonly setup: () => ConnectGeneration
  readonly dial: DialOptions
  readonly connector: OriginConnector
  readonly forwarder: Forwarder
  /** For the requests inside bumped connections. */
  readonly limits: ListenerLimits
  /** For the handshakes with clients inside them. */
  readonly inside: HandshakeParts
  readonly warn: (message: string) => void
  readonly revoking: Revoking
  readonly onDone?: (summary: ConnectSummary) => void
  /** Of requests inside bumped connections that no origin is asked about. */
  readonly onRefused: (summary: Summary) => void
}

/** What serves CONNECT, and what there is to say to all bumped connections. */
export interface Connecting extends Omit<BumpedConnections, 'take'> {
  readonly handler: ConnectHandler
}

/** Serves CONNECT in the three modes. */
export function makeConnecting(parts: ConnectParts): Connecting {
  const { setup, dial, connector, forwarder, limits, warn, revoking, onDone, onRefused } = parts
  const tunnel: TunnelOptions = {
    dial,
    idleTimeout: () => setup().settings.connect.idleTimeout,
    start: async (tcp, host, port, signal) =>
      (await setup().vconns.startUntilClosed(tcp, { host, port }, signal)).parked ?? 0,
  }
  const prober = new Prober({
    dial,
    startTls: (tcp, target, signal) => setup().verification.startTls(tcp, target, signal),
    policyDigest: host => setup().verification.policyOf(host).digest,
    announcedFor: host => {
      const { settings } = setup().verification.policyOf(host)
      return toNames(host, settings.names).sni
    },
    ttl: () => setup().settings.connect.probeLifetime,
  })
  revoking.join('addresses', isRevoked => prober.revoke(isRevoked))
  const bumped = bumpedConnections({
    connector,
    forwarder,
    limits,
    endTls: bumpPort(setup, parts.inside),
    admit: req => setup().access.admitInside(req),
    onRefused,
  })
  const handler = new ConnectHandler({
    isPortAllowed: port => isPortIn(setup().settings.connect.ports, port),
    serve: connectServer({
      ...tunnel,
      prober,
      bumped,
      helloTimeout: () => setup().settings.connect.helloTimeout,
      rules: () => tunnelRules(setup()),
      nonTls: () => setup().settings.connect.nonTls,
      pages: () => setup().pages,
    }),
    warn,
    hooks: () => setup().points.transaction,
    pages: () => setup().pages,
    ...(onDone === undefined ? {} : { onDone }),
  })
  return { handler, configure: bumped.configure, drain: bumped.drain }
}

/** How hosts are judged from here on, until the next reload. */
function tunnelRules({
  settings: { connect },
  verification,
  points,
}: ConnectGeneration): ReturnType<ServeOptions['rules']> {
  const { policies, policyOf } = verification
  return {
    modeOf: host => connectModeOf(connect, policyOf(host).rule),
    modeOfAddress: address => {
      const { rule } = policyOf(address)
      return rule?.fqdn === address ? connectModeOf(connect, rule) : undefined
    },
    canDiffer:
      points.outboundStart !== undefined ||
      policies.some(({ rule }) => connectModeOf(connect, rule) !== 'tunnel'),
  }
}
