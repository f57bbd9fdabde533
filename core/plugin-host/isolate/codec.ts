import type { Parked } from '../../api/parked.js'
import { ProxyError } from '../../base/errors.js'
import type { Turn } from '../../wait/turn.js'
import { MAX_EFFECTS } from './from-worker.js'
import type { AskedEvent, AskHook } from './hook-events.js'
import type { Subject } from './messages.js'
import type { WorkerState } from './worker-state.js'

/** What a hook is about, beside the right to answer. */
export type Facts<H extends AskHook> = Omit<AskedEvent<H>, keyof Parked>

/** The turn of a plugin in a worker, as the calls of its event see it. */
export interface CallsInTurn<Effect> {
  readonly isOpen: boolean
  /** Takes down what the plugin has called. It travels with the answer, and is done in the proxy before that counts. */
  readonly record: (effect: Effect) => void
}

/** @param effects what the plugin has called so far, in order */
export function recordIn(turn: Pick<Turn, 'isOpen'>, effects: unknown[]): CallsInTurn<unknown> {
  return {
    get isOpen() {
      return turn.isOpen
    },
    record: effect => {
      if (effects.length >= MAX_EFFECTS)
        throw new ProxyError('PTC_PLUGIN_CALL', `more than ${MAX_EFFECTS} calls in one turn`)
      effects.push(effect)
    },
  }
}

/** How one hook gets to a worker and back. */
export interface Codec<H extends AskHook> {
  /**
   * Whose args may be asked for, and are kept from then on: it is asked where those of the first are that has a home.
   * Absent: the event's `vconn`.
   */
  readonly subjects?: (event: AskedEvent<H>) => readonly [Subject, ...Subject[]]
  /** Where else it may be asked, if none of them has one. */
  readonly near?: (event: AskedEvent<H>) => readonly Subject[]
  /** In the proxy: what is sent of an event, plain data. */
  readonly toPlain: (event: AskedEvent<H>) => unknown
  /** In the worker: the same facts again. */
  readonly toFacts: (plain: unknown, turn: CallsInTurn<unknown>, kept: WorkerState) => Facts<H>
  /**
   * In the proxy again: does what the plugin has called.
   * @returns what it would have learnt from the call if that had been made here, for the log
   * @throws what the call would have thrown: the plugin has failed
   */
  readonly perform: (event: AskedEvent<H>, effect: unknown) => string | undefined
  /** Whether the plugin can have called it: what comes from a worker may be anything. */
  readonly isEffect: (effect: unknown) => boolean
}

/** The same, with the types of what is sent. */
export interface TypedCodec<H extends AskHook, Plain, Effect> extends Pick<Codec<H>, 'subjects' | 'near'> {
  readonly toPlain: (event: AskedEvent<H>) => Plain
  readonly toFacts: (plain: Plain, turn: CallsInTurn<Effect>, kept: WorkerState) => Facts<H>
  /** Absent where the event has no calls but `reenable` and `schedule`. */
  readonly perform?: (event: AskedEvent<H>, effect: Effect) => string | undefined
  readonly isEffect?: (effect: unknown) => boolean
}

/** Forgets these types: what one end of a passage has made comes out at the other end of the same. */
export function passage<H extends AskHook, Plain, Effect = never>(
  typed: TypedCodec<H, Plain, Effect>,
): Codec<H> {
  return {
    ...typed,
    toFacts: (plain, turn, kept) => typed.toFacts(plain as Plain, turn, kept),
    perform: (event, effect) => typed.perform?.(event, effect as Effect),
    isEffect: effect => typed.isEffect?.(effect) === true,
  }
}
