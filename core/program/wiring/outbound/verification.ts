import type { FairQueue } from '../../../base/fair-queue.js'
import type { Rule } from '../../../config/rules.js'
import type { HookRegistry } from '../../../hooks/registry.js'
import { placeOf } from '../../../origin/parents/way.js'
import type { Fingerprints } from '../../../plugin-host/fingerprint.js'
import type { ParentSettings, VerificationSettings } from '../../../settings/origins.js'
import type { RevocationLog } from '../../../tls/judge/revocation-log.js'
import type { VerdictSharing } from '../../../tls/judge/shared-verdicts.js'
import { VerdictCache } from '../../../tls/judge/verdict-cache.js'
import { type HandshakeObserver, QUIET } from '../../../tls/outbound/observer.js'
import type { Held } from '../../../tls/outbound/parked-handshakes.js'
import type { OutboundSettings } from '../../../tls/outbound/settings.js'
import { type Begun, startHandshake } from '../../../tls/outbound/start.js'
import type { StartTls, TlsOrigin } from '../../../tls/outbound/start-tls.js'
import type { OriginLink } from '../../../vconn/origin-link.js'
import { ProxyVConn } from '../../../vconn/vconn.js'
import { Shadows } from '../../../wait/shadows.js'
import type { InFlight } from '../../in-flight.js'
import type { VConns } from '../vconns.js'
import { makeAskers } from './askers.js'
import type { OutboundContexts } from './contexts.js'
import { Policies, type Policy } from './policies.js'

export interface StartTlsParts {
  readonly settings: VerificationSettings
  /** Milliseconds for the TCP connection to an origin. */
  readonly connectTimeout: number
  readonly rules: readonly Rule[]
  readonly registry: HookRegistry
  readonly contexts: OutboundContexts
  /** The roots of https parents; undefined: those of origins. */
  readonly parentAnchors?: ParentSettings['anchors']
  readonly observer: HandshakeObserver
  readonly held?: Held | undefined
  readonly vconns: VConns
  readonly queue: FairQueue
  /** Where the turns of plugins in shadow mode are kept. */
  readonly shadowTurns?: Shadows | undefined
  /** Counts the handshakes. */
  readonly inFlight?: InFlight | undefined
  /** With the other processes of a fleet. */
  readonly sharing?: OutboundSharing | undefined
  readonly revocations?: RevocationLog | undefined
}

/** What processes share about origins. */
export interface OutboundSharing extends Pick<VerdictSharing, 'store' | 'recent'> {
  /** Stand for the plugins. */
  readonly fingerprints: Fingerprints
}

/** How origins are verified from here on, until the next reload. */
export interface Verification {
  readonly startTls: StartTls
  /** The same with an https parent, whose certificate has roots of its own if the records say so. */
  readonly startParent: StartTls
  /** The digest of what holds for an https parent. */
  readonly digestOfParent: (host: string) => string
  /** The built-in check alone, for what plugins fetch. */
  readonly startChecked: StartTls
  /** What holds for an origin, by its name in the URL. */
  readonly policyOf: (host: string) => Policy
  /** Every policy; the first is that of origins without a rule. */
  readonly policies: readonly Policy[]
  /** What plugins allowed to be remembered. A reload begins with none. */
  readonly verdicts: VerdictCache
}

/** Gives settings, rules and plugins to the handshake machine, which knows none of them. */
export function makeVerification(parts: StartTlsParts): Verification {
  const {
    settings,
    connectTimeout,
    rules,
    registry,
    contexts,
    observer,
    held,
    vconns,
    queue,
    shadowTurns = new Shadows(),
    inFlight,
    parentAnchors,
    sharing,
    revocations,
  } = parts
  // A plugin that has to answer at once cannot wait for a store.
  const isShared = sharing !== undefined && !settings.isSynchronous
  const verdicts = new VerdictCache(
    settings.maxVerdicts,
    isShared ? { ...sharing, since: Date.now() } : undefined,
  )
  const policies = new Policies(
    settings,
    connectTimeout,
    rules,
    contexts,
    {
      askers: makeAskers(registry, verdicts, observer, sharing?.fingerprints.data),
      shadowTurns,
      openVConn: tcp => vconns.openedFor(tcp),
      observer,
      held,
      queue,
      revocations,
      fingerprint: sharing?.fingerprints.code,
    },
    parentAnchors,
  )
  const startBy = async (
    { settings: own, timeouts }: Policy,
    ...[tcp, target, signal]: Parameters<StartTls>
  ): Promise<TlsOrigin> => {
    const begin = async (
      link: OriginLink,
      since: number | undefined,
    ): Promise<Begun & { parked: number }> => {
      const start = vconns.startOrigin(link, target, signal)
      const { parked = 0 } = start instanceof Promise ? await start : start
      // What plugins take is none of the origin's time.
      const left = timeouts.total === undefined ? Infinity : timeLeft(timeouts.total + parked, since)
      const originTimeout = Math.min(own.originTimeout, left)
      return { tcp: link, settings: own, originTimeout, parent: placeOf(link).parent, parked }
    }
    const { redial } = target
    const leave = inFlight?.enter()
    try {
      const first = await begin(tcp, target.since)
      let parked = first.parked
      const again =
        redial &&
        (async (): Promise<Begun> => {
          const since = performance.now()
          const next = await begin(await redial(), since)
          parked += next.parked
          return next
        })
      const origin = await startHandshake(first, target, signal, again)
      return parked === 0 ? origin : { ...origin, parked: parked + (origin.parked ?? 0) }
    } finally {
      leave?.()
    }
  }
  return {
    startTls: (tcp, target, signal) => startBy(policies.of(target.host), tcp, target, signal),
    startParent: (tcp, target, signal) => startBy(policies.ofParent(target.host), tcp, target, signal),
    digestOfParent: host => policies.ofParent(host).digest,
    startChecked: checkedTls(host => policies.of(host).settings),
    policyOf: host => policies.of(host),
    policies: policies.all,
    verdicts,
  }
}

/** At least a moment, so that the clock and not the start ends what is late. */
function timeLeft(total: number, since = performance.now()): number {
  return Math.max(1, Math.ceil(since + total - performance.now()))
}

/**
 * Handshakes of the proxy's own, with sources that plugins fetch from: the built-in check decides, whatever the records say,
 * and no plugin is asked or notified. No session is kept, and no certificate of the operator's is in the context's way: a source
 * that asks for one is shown what the rule for its name says.
 */
function checkedTls(settingsOf: (host: string) => OutboundSettings): StartTls {
  return (tcp, target, signal) => {
    const own = settingsOf(target.host)
    const terms = {
      ...own.terms,
      verify: 'origin',
      plugins: [],
      hasShadows: false,
      properties: 'ALL',
      builtIn: 'binds',
      isOverridable: false,
    } as const
    const settings: OutboundSettings = {
      ...own,
      terms,
      checks: { ...own.checks, properties: 'ALL' },
      askers: [],
      shadows: [],
      held: undefined,
      redials: 0,
      releaseAfter: 0,
      sessions: undefined,
      revocations: undefined,
      observer: QUIET,
      openVConn: link => new ProxyVConn('outbound', link, () => undefined),
    }
    return startHandshake({ tcp, settings }, target, signal)
  }
}
