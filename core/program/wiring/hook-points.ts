import type { HookEvents, HookId } from '../../api/hooks.js'
import type { Time } from '../../base/timer.js'
import { ask } from '../../hooks/ask.js'
import type { Hooked, HookRegistry, PluginRef } from '../../hooks/registry.js'
import { type TxnFacts, TxnHooks, type TxnPoints } from '../../http/transaction/hooks.js'
import type { HeldTurn, HeldTurns } from '../../wait/held-turns.js'
import type { HoldPoint } from '../../wait/hold.js'
import { Shadows } from '../../wait/shadows.js'
import type { TurnAsker, TurnObserver } from '../../wait/turn.js'
import type { GenerationInFlight } from '../in-flight.js'
import type { HandshakeLog } from './outbound/handshake-log.js'

/** Lists what plugins hold: turns of hooks that say no more about them. */
type ListOfTurns = Pick<HeldTurns<HeldTurn>, 'begin'>

/** Asks one continuation, without anything between it and the turn. */
export function askerOf<H extends HookId>({
  plugin: { name, deadline },
  continuation,
}: Hooked<H>): TurnAsker<HookEvents[H]> {
  return { plugin: name, deadline, ask: (event, { refuse }) => ask<H>(continuation, event, refuse) }
}

/**
 * The continuations on a hook that parks, in the order of plugin.config.
 * @param mode plugins in enforce mode, or in shadow mode
 * @param held lists their turns that last
 */
export function askersOn<H extends HookId>(
  registry: HookRegistry,
  hook: H,
  mode: PluginRef['mode'],
  held?: ListOfTurns,
): readonly TurnAsker<HookEvents[H]>[] {
  const onTurn = held && ((turn: Omit<HeldTurn, 'hook'>) => held.begin({ ...turn, hook }))
  return registry
    .on(hook)
    .filter(({ plugin }) => plugin.mode === mode)
    .map(hooked => ({ ...askerOf<H>(hooked), onTurn }))
}

/** Hooks that park, and are no part of a TLS handshake. */
export type HeldHook =
  | 'TS_VCONN_START_HOOK'
  | 'TS_VCONN_OUTBOUND_START_HOOK'
  | 'TS_HTTP_READ_REQUEST_HDR_HOOK'
  | 'TS_HTTP_SEND_REQUEST_HDR_HOOK'
  | 'TS_HTTP_READ_RESPONSE_HDR_HOOK'
  | 'TS_HTTP_SEND_RESPONSE_HDR_HOOK'

/** How long plugins may hold what waits on these hooks. */
const LIMIT = 'proxy.config.plugin.deadline'

/** What they have in common. */
export interface HookPointParts {
  readonly registry: HookRegistry
  /** Milliseconds for all plugins on one hook. */
  readonly deadline: number
  readonly observer: TurnObserver
  readonly time?: Time | undefined
  /** Counts the waits and the transactions. */
  readonly inFlight?: Pick<GenerationInFlight, 'waits' | 'transactions'> | undefined
  /** Where the turns of plugins in enforce mode are listed. */
  readonly held?: HeldTurns | undefined
  /** Where the turns of plugins in shadow mode are kept. */
  readonly shadowTurns?: Shadows | undefined
}

/** The plugins on the hooks that park outside of TLS handshakes. */
export class HookPoints {
  /** Undefined where no plugin is on the hook. */
  readonly start: HoldPoint<HookEvents['TS_VCONN_START_HOOK']> | undefined
  readonly outboundStart: HoldPoint<HookEvents['TS_VCONN_OUTBOUND_START_HOOK']> | undefined
  readonly transaction: TxnPoints | undefined

  constructor(parts: HookPointParts) {
    this.start = this.#point(parts, 'TS_VCONN_START_HOOK')
    this.outboundStart = this.#point(parts, 'TS_VCONN_OUTBOUND_START_HOOK')
    const transaction = {
      readRequest: this.#point(parts, 'TS_HTTP_READ_REQUEST_HDR_HOOK'),
      sendRequest: this.#point(parts, 'TS_HTTP_SEND_REQUEST_HDR_HOOK'),
      readResponse: this.#point(parts, 'TS_HTTP_READ_RESPONSE_HDR_HOOK'),
      sendResponse: this.#point(parts, 'TS_HTTP_SEND_RESPONSE_HDR_HOOK'),
    }
    const isAny = Object.values(transaction).some(point => point !== undefined)
    this.transaction = isAny ? { ...transaction, enter: parts.inFlight?.transactions.enter } : undefined
  }

  /** Undefined where no plugin is on the hooks of transactions. */
  transactionOf(facts: TxnFacts): TxnHooks | undefined {
    return this.transaction && new TxnHooks(this.transaction, facts)
  }

  #point<H extends HeldHook>(
    { registry, deadline, observer, time, held, shadowTurns = new Shadows(), inFlight }: HookPointParts,
    hook: H,
  ): HoldPoint<HookEvents[H]> | undefined {
    if (registry.on(hook).length === 0) return undefined
    const askers = askersOn(registry, hook, 'enforce', held)
    const shadows = askersOn(registry, hook, 'shadow')
    const enter = inFlight?.waits.enter
    return { askers, shadows, shadowTurns, deadline, limit: LIMIT, observer, time, enter }
  }
}

/** The hook points of one generation. What these plugins do is logged and counted as with handshakes. */
export function makeHookPoints(
  registry: HookRegistry,
  deadline: number,
  log: HandshakeLog,
  held: HeldTurns,
  shadowTurns: Shadows,
  inFlight: GenerationInFlight,
): HookPoints {
  return new HookPoints({ registry, deadline, observer: observerOf(log), held, shadowTurns, inFlight })
}

function observerOf(log: HandshakeLog): TurnObserver {
  return {
    refused: (about, refusal) => log.refused(about, refusal),
    ignoredReenable: (plugin, about, why) => log.ignored(plugin, about, why),
    gaveUp: (plugin, about) => log.gaveUp(plugin, about),
    pluginFailed: (plugin, about, cause) => log.pluginFailed(plugin, about, cause),
    shadowed: (plugin, about, outcome) => log.shadowed(plugin, about, outcome),
  }
}
