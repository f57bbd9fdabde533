import type { FairQueue } from '../../../base/fair-queue.js'
import type { Records } from '../../../config/records-table.js'
import type { Rule } from '../../../config/rules.js'
import type { HookRegistry } from '../../../hooks/registry.js'
import { VerdictCache } from '../../../tls/judge/verdict-cache.js'
import type { HandshakeObserver } from '../../../tls/outbound/observer.js'
import type { ParkedHandshakes } from '../../../tls/outbound/parked-handshakes.js'
import { startHandshake } from '../../../tls/outbound/start.js'
import type { StartTls } from '../../../tls/outbound/start-tls.js'
import { Shadows } from '../../../wait/shadows.js'
import type { VConns } from '../vconns.js'
import { makeAskers } from './askers.js'
import type { OutboundContexts } from './contexts.js'
import { Policies, type Policy } from './policies.js'

export interface StartTlsParts {
  readonly records: Records
  readonly rules: readonly Rule[]
  readonly registry: HookRegistry
  readonly contexts: OutboundContexts
  readonly observer: HandshakeObserver
  readonly parked?: ParkedHandshakes | undefined
  readonly vconns: VConns
  readonly queue: FairQueue
  /** Where the turns of plugins in shadow mode are kept. */
  readonly shadowTurns?: Shadows | undefined
}

/** How origins are verified from here on, until the next reload. */
export interface Verification {
  readonly startTls: StartTls
  /** Handshakes that are under way. */
  readonly inFlight: () => number
  /** What holds for an origin, by its name in the URL. */
  readonly policyOf: (host: string) => Policy
  /** Every policy; the first is that of origins without a rule. */
  readonly policies: readonly Policy[]
  /** What plugins allowed to be remembered. A reload begins with none. */
  readonly verdicts: VerdictCache
}

/** Ties records, rules and plugins to the handshake machine, which knows none of them. */
export function makeVerification(parts: StartTlsParts): Verification {
  const {
    records,
    rules,
    registry,
    contexts,
    observer,
    parked,
    vconns,
    queue,
    shadowTurns = new Shadows(),
  } = parts
  const verdicts = new VerdictCache(records['proxy.config.ssl.client.verify.cache_size'])
  const policies = new Policies(records, rules, contexts, {
    askers: makeAskers(registry, verdicts, observer),
    shadowTurns,
    openVConn: tcp => vconns.openedFor(tcp),
    observer,
    parked,
    queue,
  })
  let inFlight = 0
  const startTls: StartTls = async (tcp, target, signal) => {
    const { settings, timeouts } = policies.of(target.host)
    inFlight++
    try {
      const start = vconns.startOrigin(tcp, target, signal)
      const { parked = 0 } = start instanceof Promise ? await start : start
      // What plugins take is none of the origin's time.
      const left = timeouts.total === undefined ? undefined : timeLeft(timeouts.total + parked, target.since)
      const originTimeout = Math.min(settings.originTimeout, left ?? settings.originTimeout)
      const own = originTimeout === settings.originTimeout ? settings : { ...settings, originTimeout }
      const origin = await startHandshake(tcp, target, own, signal)
      return parked === 0 ? origin : { ...origin, parked: parked + (origin.parked ?? 0) }
    } finally {
      inFlight--
    }
  }
  return {
    startTls,
    inFlight: () => inFlight,
    policyOf: host => policies.of(host),
    policies: policies.all,
    verdicts,
  }
}

/** At least a moment, so that the clock and not the start ends what is late. */
function timeLeft(total: number, since = performance.now()): number {
  return Math.max(1, Math.ceil(since + total - performance.now()))
}
