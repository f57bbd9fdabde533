import { isIP } from 'node:net'
import { type Current, derived } from '../../../base/current.js'
import { isPortIn } from '../../../config/record-lists.js'
import type { Rule } from '../../../config/rules.js'
import { type BumpedConnections, bumpedConnections, type EndTls } from '../../../http/connect/bump.js'
import { ConnectHandler } from '../../../http/connect/connect.js'
import { connectServer, type ServeOptions } from '../../../http/connect/serve.js'
import type { TunnelOptions } from '../../../http/connect/tunnel.js'
import { type ConnectMode, stricter } from '../../../http/connect/tunnel-judgement.js'
import type { OpenTunnels } from '../../../http/listener/open-tunnels.js'
import type { Pages } from '../../../http/pages/templates.js'
import type { Forwarder } from '../../../http/transaction/forward.js'
import type { Via } from '../../../http/transaction/outgoing.js'
import type { Summary } from '../../../http/transaction/summary.js'
import type { OriginConnector } from '../../../origin/connect.js'
import type { ReachOptions } from '../../../origin/parents/reach.js'
import type { Routes } from '../../../origin/parents/routes.js'
import { ONLY_DIRECT } from '../../../origin/parents/way.js'
import { Prober } from '../../../origin/prober.js'
import type { ConnectSettings } from '../../../settings/http.js'
import type { Settings } from '../../../settings/settings.js'
import { toNames } from '../../../tls/judge/names.js'
import type { Revoking } from '../../revoking.js'
import type { HookPoints } from '../hook-points.js'
import type { Verification } from '../outbound/verification.js'
import { type Access, admissions } from './access.js'
import { type BumpGeneration, bumpPort } from './bump-port.js'
import type { HandshakeParts } from './handshake-settings.js'

/** How the origin behind a CONNECT is verified: a rule of sni.yaml overrides the general mode. */
export const connectModeOf = ({ mode }: ConnectSettings, rule: Rule | undefined): ConnectMode =>
  rule?.connect_verify ?? mode

/** Tells for which origins tunnels open without verification. */
export function connectWarnings(
  settings: ConnectSettings,
  rules: readonly (Rule | undefined)[],
): readonly string[] {
  return rules.flatMap(rule => {
    if (rule === undefined && connectModeOf(settings, rule) === 'tunnel')
      return [
        'proxy.config.http.connect.verify is tunnel: origins behind CONNECT are NOT verified, and no plugin is asked',
      ]
    return rule?.connect_verify === 'tunnel'
      ? [
          `${rule.where}: connect_verify is tunnel: the origins of ${rule.fqdn} behind CONNECT are NOT verified`,
        ]
      : []
  })
}

/** The parts of a generation that CONNECT needs. */
export interface ConnectGeneration extends BumpGeneration {
  readonly settings: Pick<Settings, 'listener' | 'inboundTls' | 'connect'>
  readonly access: Access
  readonly verification: Verification
  readonly pages: Pages
  readonly points: HookPoints
  readonly routes: Routes | undefined
}

export interface ConnectParts {
  readonly current: Current<ConnectGeneration>
  readonly dial: Current<ReachOptions>
  readonly via: Current<Via>
  readonly connector: OriginConnector
  readonly forwarder: Forwarder
  /** For the handshakes with clients inside them. */
  readonly inside: HandshakeParts
  readonly tunnels: OpenTunnels
  readonly warn: (message: string) => void
  readonly revoking: Revoking
  /** Called for each tunnel, and for requests inside bumped connections that no origin is asked about. */
  readonly onDone: (summary: Summary) => void
}

/** What serves CONNECT, and what there is to say to all bumped connections. */
export interface Connecting extends Omit<BumpedConnections, 'take'> {
  readonly handler: ConnectHandler
}

/** Serves CONNECT in the three modes. */
export function makeConnecting(parts: ConnectParts): Connecting {
  const { current, dial, via, connector, forwarder, tunnels, warn, revoking, onDone } = parts
  const tunnel: TunnelOptions = {
    dial,
    revocations: revoking.log,
    waysFor: question => current().routes?.waysFor(question) ?? ONLY_DIRECT,
    idleTimeout: () => current().settings.connect.idleTimeout,
    start: async (tcp, host, port, signal) =>
      (await current().vconns.startUntilClosed(tcp, { host, port }, signal)).parked ?? 0,
  }
  const prober = new Prober({
    dial,
    startTls: (tcp, target, signal) => current().verification.startTls(tcp, target, signal),
    policyDigest: host => current().verification.policyOf(host).digest,
    announcedFor: host => {
      const { settings } = current().verification.policyOf(host)
      return toNames(host, settings.names).sni
    },
    ttl: () => current().settings.connect.probeLifetime,
    revocations: revoking.log,
  })
  revoking.join('addresses', isRevoked => prober.revoke(isRevoked))
  const bumped = bumpedConnections({
    connector,
    forwarder,
    waysFor: tunnel.waysFor,
    limits: () => current().settings.listener.limits,
    admit: admissions(current).admitInside,
    onRefused: onDone,
  })
  const handler = new ConnectHandler({
    isPortAllowed: port => isPortIn(current().settings.connect.ports, port),
    serve: connectServer({
      ...tunnel,
      prober,
      bumped,
      helloTimeout: () => current().settings.connect.helloTimeout,
      rules: derived(current, judging => tunnelRules(judging, bumpPort(current, judging, parts.inside))),
      nonTls: () => current().settings.connect.nonTls,
      ech: () => current().settings.connect.ech,
      pages: () => current().pages,
    }),
    isLoop: field => via().isIn(field),
    tunnels,
    warn,
    hooks: () => current().points.transaction,
    pages: () => current().pages,
    onDone,
  })
  return { handler, drain: bumped.drain }
}

/** How one generation judges hosts. */
function tunnelRules(
  { settings: { connect }, verification, points, inFlight }: ConnectGeneration,
  endTls: EndTls,
): ReturnType<ServeOptions['rules']> {
  const { policies, policyOf } = verification
  const ofAddresses = policies.flatMap(({ rule }) =>
    rule !== undefined && isIP(rule.fqdn) !== 0 ? [connectModeOf(connect, rule)] : [],
  )
  return {
    modeOfHidden: ofAddresses.length === 0 ? undefined : ofAddresses.reduce(stricter),
    modeOf: host => connectModeOf(connect, policyOf(host).rule),
    modeOfAddress: address => {
      const { rule } = policyOf(address)
      return rule?.fqdn === address ? connectModeOf(connect, rule) : undefined
    },
    canDiffer:
      points.outboundStart !== undefined ||
      policies.some(({ rule }) => connectModeOf(connect, rule) !== 'tunnel'),
    hold: inFlight.all.enter,
    endTls,
  }
}
