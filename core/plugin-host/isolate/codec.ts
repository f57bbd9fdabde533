import type { Parked } from '../../api/parked.js'
import { ProxyError } from '../../base/errors.js'
import type { AskedEvent, AskHook } from '../../hooks/hook-ids.js'
import type { Turn } from '../../wait/turn.js'
import { MAX_EFFECTS } from './from-worker.js'
import type { Subject } from './messages.js'
import type { WorkerState } from './worker-state.js'

/** What a hook is about, beside the right to answer. */
export type Facts<H extends AskHook> = Omit<AskedEvent<H>, keyof Parked>

/** The turn of a plugin in a worker, as the calls of its event see it. */
export interface CallsInTurn<Effect> {
  readonly isOpen: boolean
  /** Records a call of the plugin. It is sent with the answer, and performed in the proxy before the answer counts. */
  readonly record: (effect: Effect) => void
  /** Has something done in the proxy meanwhile; plain data in and out, as `Codec.serve` takes it. */
  readonly call: (...args: readonly unknown[]) => Promise<unknown>
}

/** @param effects what the plugin has called so far, in order */
export function recordIn(
  turn: Pick<Turn, 'isOpen'>,
  effects: unknown[],
  call: CallsInTurn<unknown>['call'],
): CallsInTurn<unknown> {
  return {
    call,
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
   * Subjects whose args the plugin may read. The worker that has the args of the first known subject is asked, and keeps
   * those of all.
   * Absent: the event's `vconn`.
   */
  readonly subjects?: (event: AskedEvent<H>) => readonly [Subject, ...Subject[]]
  /** Where else it may be asked, if no worker has args of these subjects. */
  readonly near?: (event: AskedEvent<H>) => readonly Subject[]
  /** In the proxy: what is sent of an event, plain data. */
  readonly toPlain: (event: AskedEvent<H>) => unknown
  /** In the worker: the same facts again. */
  readonly toFacts: (plain: unknown, turn: CallsInTurn<unknown>, state: WorkerState) => Facts<H>
  /**
   * In the proxy again: does what the plugin has called.
   * @returns what it would have learnt from the call if that had been made here, for the log
   * @throws what the call would have thrown: the plugin has failed
   */
  readonly perform: (event: AskedEvent<H>, effect: unknown) => string | undefined
  /** In the proxy, while the plugin is asked: what it has done meanwhile. The arguments may be anything. Absent: nothing. */
  readonly serve?: (event: AskedEvent<H>, args: readonly unknown[]) => Promise<unknown>
  /** Whether the plugin can have called it: what comes from a worker may be anything. */
  readonly isEffect: (effect: unknown) => boolean
}

/** The same, with the types of what is sent. */
export interface TypedCodec<H extends AskHook, Plain, Effect>
  extends Pick<Codec<H>, 'subjects' | 'near' | 'serve'> {
  readonly toPlain: (event: AskedEvent<H>) => Plain
  readonly toFacts: (plain: Plain, turn: CallsInTurn<Effect>, state: WorkerState) => Facts<H>
  /** Absent where the event has no calls but `reenable` and `schedule`. */
  readonly perform?: (event: AskedEvent<H>, effect: Effect) => string | undefined
  readonly isEffect?: (effect: unknown) => boolean
}

/** Drops the types in between: what `toPlain` of a codec has made, only `toFacts` of the same codec reads. */
export function codec<H extends AskHook, Plain, Effect = never>(
  typed: TypedCodec<H, Plain, Effect>,
): Codec<H> {
  return {
    ...typed,
    toFacts: (plain, turn, state) => typed.toFacts(plain as Plain, turn, state),
    perform: (event, effect) => typed.perform?.(event, effect as Effect),
    isEffect: effect => typed.isEffect?.(effect) === true,
  }
}
