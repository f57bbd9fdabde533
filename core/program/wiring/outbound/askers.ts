import type { Verdict } from '../../../api/verdict.js'
import { ask } from '../../../hooks/ask.js'
import type { Hooked, HookRegistry } from '../../../hooks/registry.js'
import { sharedKeyOf, type VerdictCache } from '../../../tls/judge/verdict-cache.js'
import type { HandshakeObserver } from '../../../tls/outbound/observer.js'
import { ParkedEvent } from '../../../tls/outbound/parked-event.js'
import type { OutboundAsker } from '../../../tls/outbound/settings.js'
import { SharedTurns } from '../../../wait/coalesce.js'
import type { TurnAsker } from '../../../wait/turn.js'

const HOOK = 'TS_SSL_CERT_VERIFY_HOOK'

type OnHook = Hooked<typeof HOOK>

/** The plugins on TS_SSL_CERT_VERIFY_HOOK, as the handshake machine asks them. */
export interface Askers {
  /** Names of those that have a say, in the order of plugin.config. */
  readonly names: readonly string[]
  /** The same, for origins that are judged by one policy. */
  readonly under: (policyDigest: string) => readonly OutboundAsker[]
  /** Those in shadow mode. */
  readonly shadows: (deadline: number) => readonly TurnAsker<ParkedEvent>[]
}

/** Between a handshake's turn and the continuation stand the remembered verdicts, and those who ask the same. */
export function makeAskers(
  registry: HookRegistry,
  verdicts: VerdictCache,
  observer: HandshakeObserver,
): Askers {
  const all = registry.on(HOOK)
  const enforced = all.filter(({ plugin }) => plugin.mode === 'enforce')
  const shadows = all.filter(({ plugin }) => plugin.mode === 'shadow')
  return {
    names: enforced.map(({ plugin }) => plugin.name),
    under: policy =>
      enforced.map((hooked, i) => makeAsker(hooked, askedOf(enforced, i), policy, verdicts, observer)),
    shadows: deadline =>
      shadows.map(({ plugin, continuation }) => ({
        plugin: plugin.name,
        deadline: Math.min(plugin.deadline ?? deadline, deadline),
        ask: (event, { refuse }) => ask<typeof HOOK>(continuation, event, refuse),
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
  { plugin, continuation, options }: OnHook,
  asked: string,
  policy: string,
  verdicts: VerdictCache,
  observer: HandshakeObserver,
): OutboundAsker {
  const { name, deadline, late } = plugin
  const call: OutboundAsker['ask'] = (event, { refuse }) => ask<typeof HOOK>(continuation, event, refuse)
  const shared = new SharedTurns<ParkedEvent>()
  return {
    plugin: name,
    deadline,
    late,
    isShared: options.coalesce,
    ask: (event, turn) => {
      const question = { asked, policy, evidence: event, port: event.port, network: turn.facts.network ?? '' }
      const known = verdicts.find(question)
      if (known !== undefined) {
        observer.remembered?.(name, event.host)
        return void event.reenable(known)
      }
      const since = performance.now()
      const onVerdict = (verdict: Verdict): void => {
        if (verdict.kind === 'accept') verdicts.put(question, verdict, since)
      }
      if (options.coalesce) {
        const key = sharedKeyOf(question, verdicts.revocations)
        return shared.ask(key, turn, { ask: call, onVerdict })
      }
      turn.watch(end => {
        if (end?.type === 'reenabled' && !ParkedEvent.isRead(event)) onVerdict(end.verdict)
      })
      call(event, turn)
    },
  }
}
