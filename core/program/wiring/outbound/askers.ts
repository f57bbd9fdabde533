import type { Accept, Verdict } from '../../../api/verdict.js'
import type { Hooked, HookRegistry } from '../../../hooks/registry.js'
import type { Fingerprints } from '../../../plugin-host/fingerprint.js'
import { type Question, sharedKeyOf, type VerdictCache } from '../../../tls/judge/verdict-cache.js'
import type { HandshakeObserver } from '../../../tls/outbound/observer.js'
import { ParkedEvent } from '../../../tls/outbound/parked-event.js'
import type { OutboundAsker } from '../../../tls/outbound/settings.js'
import { SharedTurns } from '../../../wait/coalesce.js'
import type { TurnAsker } from '../../../wait/turn.js'
import { askerOf, askersOn } from '../hook-points.js'

const HOOK = 'TS_SSL_CERT_VERIFY_HOOK'

type OnHook = Hooked<typeof HOOK>

/** What stands for all that shapes the verdicts of a policy. */
export interface PolicyDigests {
  /** In this generation. */
  readonly digest: string
  /** In all processes of a fleet; undefined where none of its verdicts is shared. */
  readonly fleet?: string | undefined
}

/** The plugins on TS_SSL_CERT_VERIFY_HOOK, as the handshake machine asks them. */
export interface Askers {
  /** Names of the plugins in enforce mode: those that complete chains first, then the others, each in the order of plugin.config. */
  readonly names: readonly string[]
  /** How many of them, the first, are asked about incomplete chains alone. */
  readonly completers: number
  /** The same, for origins that are judged by one policy. */
  readonly under: (policy: PolicyDigests) => readonly OutboundAsker[]
  /** Those in shadow mode. */
  readonly shadows: (deadline: number) => readonly TurnAsker<ParkedEvent>[]
}

/**
 * A turn first looks for a remembered verdict, here and then in the fleet, then for the same question in flight; only then the
 * continuation is called.
 * @param data fingerprints of what lines name: verdicts are shared in a fleet by plugins that are given the same
 */
export function makeAskers(
  registry: HookRegistry,
  verdicts: VerdictCache,
  observer: HandshakeObserver,
  data?: Fingerprints['data'],
): Askers {
  const all = registry.on(HOOK)
  const deciding = all.filter(({ plugin }) => plugin.mode === 'enforce')
  const completing = deciding.filter(({ options }) => options.sees === 'incomplete')
  const enforced = [...completing, ...deciding.filter(({ options }) => options.sees !== 'incomplete')]
  return {
    names: enforced.map(({ plugin }) => plugin.name),
    completers: completing.length,
    under: ({ digest, fleet }) =>
      enforced.map((hooked, i) => {
        const given = data?.get(hooked.plugin.line)
        const policy = { digest, fleet: fleet && given && `${fleet} ${given}` }
        return makeAsker(hooked, askedOf(enforced, i), policy, verdicts, observer)
      }),
    shadows: deadline =>
      askersOn(registry, HOOK, 'shadow').map(asker => ({
        ...asker,
        deadline: Math.min(asker.deadline ?? deadline, deadline),
      })),
  }
}

/**
 * Whose acceptance a remembered verdict is. The policy's digest tells generations apart; a plugin may be loaded twice, and
 * have more than one continuation.
 */
function askedOf(all: readonly OnHook[], index: number): string {
  const { name = '', line } = all[index]?.plugin ?? {}
  const before = all.slice(0, index).filter(({ plugin }) => plugin.line === line).length
  return `${name} (line ${line}${before === 0 ? '' : `, continuation ${before + 1}`})`
}

function makeAsker(
  hooked: OnHook,
  asked: string,
  { digest: policy, fleet: fleetPolicy }: PolicyDigests,
  verdicts: VerdictCache,
  observer: HandshakeObserver,
): OutboundAsker {
  const { name, late } = hooked.plugin
  const { coalesce, sees } = hooked.options
  const direct = askerOf<typeof HOOK>(hooked)
  // What completes a chain is asked each time: a remembered answer would complete nothing.
  if (sees === 'incomplete') return { ...direct, late }
  const shared = new SharedTurns<ParkedEvent>()
  return {
    ...direct,
    late,
    isShared: coalesce,
    ask: (event, turn) => {
      const { port } = event
      const network = turn.facts.network ?? ''
      const question: Question = { asked, policy, fleetPolicy, evidence: event, port, network }
      const known = verdicts.find(question)
      if (known !== undefined) return answer(known)
      const inFleet = verdicts.findShared(question)
      if (inFleet === undefined) return put()
      inFleet
        .then(found => {
          if (!turn.isOpen) return
          if (found === undefined || found.revocations !== verdicts.revocations) put()
          else answer(found.verdict)
        })
        .catch(cause => turn.refuse(cause))

      function answer(verdict: Accept): void {
        observer.remembered?.(name, event.host)
        event.reenable(verdict)
      }

      function put(): void {
        const since = performance.now()
        const onVerdict = (verdict: Verdict): (() => boolean) => {
          if (verdict.kind === 'accept') verdicts.put(question, verdict, since)
          const { revocations } = verdicts
          return () => verdict.kind === 'reject' || revocations === verdicts.revocations
        }
        if (coalesce) {
          const key = sharedKeyOf(question, verdicts.revocations)
          return shared.ask(key, turn, { ask: direct.ask, onVerdict }, put)
        }
        turn.watch(end => {
          if (end?.type === 'reenabled' && !ParkedEvent.isRead(event)) onVerdict(end.verdict)
        })
        direct.ask(event, turn)
      }
    },
  }
}
