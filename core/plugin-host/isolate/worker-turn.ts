import type { HookEvents } from '../../api/hooks.js'
import type { Parked } from '../../api/parked.js'
import type { VConn } from '../../api/vconn.js'
import type { Verdict } from '../../api/verdict.js'
import { containedAbort, isAbortOf } from '../../base/contained-abort.js'
import { ProxyError } from '../../base/errors.js'
import type { PluginTimers } from '../context.js'
import type { CallsInTurn, Facts } from './codec.js'
import { MAX_EFFECTS } from './from-worker.js'
import type { AskHook } from './hook-events.js'

/** The right to answer once (`Reenable` of core/vconn, given because plugin-host stands beside it). */
export interface AnswerRight {
  readonly isOpen: boolean
  readonly call: (verdict?: Verdict) => 'counted' | 'ignored'
  revoke(): void
}

/**
 * One turn of the plugin, in a worker.
 *
 * Life: asked -> over. Signal and timers are made when first asked for, because most plugins answer at once; both end
 * with the turn.
 */
export class WorkerTurn implements CallsInTurn<unknown> {
  /** What the plugin has called, in order. */
  readonly effects: unknown[] = []
  readonly #right: AnswerRight
  readonly #refuse: (cause: unknown) => void
  readonly #createTimers: (onError: (cause: unknown) => void) => PluginTimers
  #abort: AbortController | undefined
  #timers: PluginTimers | undefined

  /** @param refuse what a scheduled continuation throws goes here, and what a listener of the signal throws */
  constructor(
    right: AnswerRight,
    refuse: (cause: unknown) => void,
    createTimers: (onError: (cause: unknown) => void) => PluginTimers,
  ) {
    this.#right = right
    this.#refuse = refuse
    this.#createTimers = createTimers
  }

  get isOpen(): boolean {
    return this.#right.isOpen
  }

  /** Whether that was thrown because the turn had ended. */
  isAbortOf(cause: unknown): boolean {
    return isAbortOf(this.#abort?.signal, cause)
  }

  get signal(): AbortSignal {
    this.#abort ??= containedAbort(this.#refuse)
    if (!this.#right.isOpen) this.#abort.abort()
    return this.#abort.signal
  }

  readonly record = (effect: unknown): void => {
    if (this.effects.length >= MAX_EFFECTS)
      throw new ProxyError('PTC_PLUGIN_CALL', `more than ${MAX_EFFECTS} calls in one turn`)
    this.effects.push(effect)
  }

  readonly schedule = (continuation: () => unknown, ms: number): void => {
    this.#timers ??= this.#createTimers(this.#refuse)
    if (!this.#right.isOpen) this.#timers.clear()
    this.#timers.after(ms, continuation)
  }

  /** What the plugin receives. */
  eventOf<H extends AskHook>(facts: Facts<H>, vconn: VConn, deadline: number): HookEvents[H] {
    const turn = this
    const parts: Parked = {
      vconn,
      deadline,
      reenable: this.#right.call,
      schedule: this.schedule,
      get signal() {
        return turn.signal
      },
    }
    // The facts of a hook and the parts of a turn are its event; so says the type of facts, which a compiler cannot undo.
    return Object.freeze(
      Object.defineProperties(
        {},
        { ...Object.getOwnPropertyDescriptors(facts), ...Object.getOwnPropertyDescriptors(parts) },
      ),
    ) as unknown as HookEvents[H]
  }

  /** The turn is over. `isWanted` is false when the answer is no longer wanted, which aborts the signal. */
  finish(isWanted: boolean): void {
    this.#right.revoke()
    this.#timers?.clear()
    if (!isWanted) this.#abort?.abort()
  }
}
