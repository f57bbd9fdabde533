import type { Parked } from '../api/parked.js'
import type { VConn } from '../api/vconn.js'
import type { Reject, Verdict } from '../api/verdict.js'
import { containedAbort, isAbortOf } from '../base/contained-abort.js'
import { describe } from '../base/thrown.js'
import { NODE_TIME, type Time, type Wait } from '../base/time.js'
import type { HeldTurn } from './held-turns.js'
import { Reenable } from './reenable.js'
import type { Refusal } from './refusal.js'
import { Timers } from './timers.js'

/** One continuation on a hook that parks, ready to be asked. */
export interface TurnAsker<E> {
  readonly plugin: string
  /** Milliseconds this one may take, if its line says so. */
  readonly deadline: number | undefined
  /** Calls it; `refuse` hears what it threw. */
  readonly ask: (event: E, refuse: (cause: unknown) => void) => void
  /** Hears of each turn before it begins; what it returns is called when the turn is over. */
  readonly onTurn?: ((turn: Omit<HeldTurn, 'hook'>) => () => void) | undefined
}

/** What would have become of a wait if a plugin in shadow mode had a say. */
export type ShadowOutcome =
  | { readonly would: 'accept' }
  /** It was not asked: too many turns of such plugins lasted. */
  | { readonly would: 'unknown' }
  | {
      readonly would: 'reject'
      readonly by: 'plugin' | 'plugin-failed' | 'deadline'
      readonly verdict?: Reject
    }

/** Hears what is worth a log line or a counter. It decides nothing. `about` is who the wait was for. */
export interface TurnObserver {
  /** A plugin answered twice, or too late; its answer reached nothing. */
  ignoredReenable(plugin: string, about: string, why: 'second' | 'late'): void
  pluginFailed(plugin: string, about: string, cause: unknown): void
  /** A plugin has given up, because its signal had aborted: nothing has failed. */
  gaveUp?(plugin: string, about: string): void
  /** A wait has ended with a plugin's no, or with its silence; what fails is told by `pluginFailed`. */
  refused?(about: string, refusal: Refusal): void
  /** A plugin in shadow mode has had its turn. */
  shadowed?(plugin: string, about: string, outcome: ShadowOutcome): void
}

/** What is the same for every plugin that is asked in one wait. */
export interface TurnFacts {
  readonly vconn: VConn
  /** Who it is for, in the words of the log: `client 192.0.2.1:50000`, or a host. */
  readonly about: string
  /** Of the whole wait; milliseconds since the epoch. */
  readonly deadline: number
  readonly observer: TurnObserver
  /** What waits for the plugin; default: Node's timers. */
  readonly time?: Time | undefined
}

/** How a turn ends. `late`: the plugin is out of its own time. */
export type TurnEnd =
  | { readonly type: 'reenabled'; readonly verdict: Verdict }
  | { readonly type: 'plugin-failed'; readonly detail: string }
  | { readonly type: 'late' }

/** What limits a plugin's own time. */
export const OWN_LIMIT = '@deadline of its line in plugin.config'

/**
 * One plugin's turn in a wait.
 *
 * Life: asked -> over. It is over when the plugin has answered, has failed, is out of its own time, or is told to stop;
 * exactly one end comes out of it, or none when it was stopped. What the plugin does later reaches nothing.
 */
export class PluginTurn {
  readonly #right: Reenable
  readonly #refuse: (cause: unknown) => void
  readonly #time: Time
  readonly #about: string
  readonly #vconn: VConn
  /** When silence ends it; milliseconds since the epoch. */
  readonly deadline: number
  /** Signal and timers are made when first asked for, because most plugins answer at once. */
  #abort: AbortController | undefined
  #timers: Timers | undefined
  #isUnwanted = false
  #clock: Wait | undefined
  #onOver: (() => void) | undefined

  constructor(
    { plugin, deadline: own }: Pick<TurnAsker<never>, 'plugin' | 'deadline'>,
    { vconn, about, deadline, observer, time = NODE_TIME }: TurnFacts,
    onEnd: (end: TurnEnd) => void,
  ) {
    const end = (how: TurnEnd): void => {
      this.#finish(how.type === 'late')
      onEnd(how)
    }
    this.#right = new Reenable(
      verdict => end({ type: 'reenabled', verdict }),
      why => observer.ignoredReenable(plugin, about, why),
    )
    this.#refuse = cause => {
      if (isAbortOf(this.#abort?.signal, cause)) return observer.gaveUp?.(plugin, about)
      observer.pluginFailed(plugin, about, cause)
      if (this.#right.isOpen) end({ type: 'plugin-failed', detail: describe(cause) })
    }
    this.#time = time
    this.#about = about
    this.#vconn = vconn
    const ends = Date.now() + (own ?? Infinity)
    // A time that ends with the general one, or after it, is nobody's own: there the general one ends the wait.
    if (own !== undefined && ends < deadline) this.#clock = time.after(own, () => end({ type: 'late' }))
    this.deadline = Math.min(ends, deadline)
  }

  /** What the plugin gets, beside what its hook is about. */
  get parked(): Parked {
    const { signal, deadline, reenable, schedule } = this
    return { vconn: this.#vconn, signal, deadline, reenable, schedule }
  }

  get signal(): AbortSignal {
    this.#abort ??= containedAbort(this.#refuse)
    if (this.#isUnwanted) this.#abort.abort()
    return this.#abort.signal
  }

  get reenable(): Parked['reenable'] {
    return this.#right.call
  }

  readonly schedule: Parked['schedule'] = (continuation, ms) => {
    this.#timers ??= new Timers(this.#refuse, undefined, this.#time)
    if (!this.isOpen) this.#timers.clear()
    this.#timers.after(ms, continuation)
  }

  /** Asks. The answer may come from within this call. */
  start<E>(asker: TurnAsker<E>, event: E): void {
    const { plugin, onTurn } = asker
    const since = onTurn === undefined ? 0 : Date.now()
    asker.ask(event, this.#refuse)
    // Whoever has answered by now has held nothing.
    if (this.isOpen) this.#onOver = onTurn?.({ plugin, about: this.#about, since, deadline: this.deadline })
  }

  /** Whether the answer is still wanted. */
  get isOpen(): boolean {
    return this.#right.isOpen
  }

  /** The answer is no longer wanted: the right is revoked, the signal aborts. */
  stop(): void {
    if (this.#right.isOpen) this.#finish(true)
  }

  #finish(isUnwanted: boolean): void {
    this.#time.cancel(this.#clock)
    this.#right.revoke()
    this.#timers?.clear()
    this.#onOver?.()
    this.#isUnwanted = isUnwanted
    if (isUnwanted) this.#abort?.abort()
  }
}
