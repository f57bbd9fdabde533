import type { Parked } from '../api/parked.js'
import type { VConn } from '../api/vconn.js'
import type { Reject, Verdict } from '../api/verdict.js'
import { containedAbort, isAbortOf } from '../base/contained-abort.js'
import { ProxyError } from '../base/errors.js'
import { NODE_TIME, type Time, type Wait } from '../base/timer.js'
import type { HeldTurn } from './held-turns.js'
import { type Ignored, Reenable } from './reenable.js'
import type { Refusal } from './refusal.js'
import { Timers } from './timers.js'

/** One continuation on a hook that parks, ready to be asked. */
export interface TurnAsker<E> {
  readonly plugin: string
  /** Milliseconds that this plugin may take, if its line limits it. */
  readonly deadline: number | undefined
  /** True: it must answer before it returns. Otherwise it may hold the wait. */
  readonly isSynchronous?: boolean
  /** Calls it. What it throws goes to `turn.refuse`. */
  readonly ask: (event: E, turn: AskedTurn<E>) => void
  /** Called for each turn that has no answer at once. The returned function is called when the turn is over. */
  readonly onTurn?: ((turn: Omit<HeldTurn, 'hook'>) => () => void) | undefined
}

/** A turn, for what makes its event. */
export interface Turn extends Parked {
  readonly plugin: string
  /** Whether the answer is still wanted. */
  readonly isOpen: boolean
}

/** A turn, for what asks the plugin. */
export interface AskedTurn<E> {
  readonly plugin: string
  /** Whether the answer is still wanted. */
  readonly isOpen: boolean
  readonly facts: TurnFacts
  /** When silence ends it; milliseconds since the epoch. */
  readonly deadline: number
  readonly reenable: Parked['reenable']
  /** What the plugin throws, now or later, goes here: it is a rejection while the answer is wanted. */
  readonly refuse: (cause: unknown) => void
  /** Makes what the plugin receives. */
  readonly toEvent: (turn: Turn) => E
  /** Sets the one watcher, which is called before the wait goes on: with the end, or undefined if the turn was stopped. */
  watch(watcher: (end: TurnEnd | undefined) => void): void
}

/** What a plugin in shadow mode would have made of a wait. */
export type ShadowOutcome =
  | { readonly would: 'accept' }
  /** It was not asked: too many turns of such plugins lasted. */
  | { readonly would: 'unknown' }
  | {
      readonly would: 'reject'
      readonly by: 'plugin' | 'plugin-failed' | 'deadline'
      readonly verdict?: Reject
    }

/** Receives what is worth a log line or a counter, and decides nothing. `about` is what the wait is about. */
export interface TurnObserver {
  /** A plugin answered twice, or too late; its answer reached nothing. */
  ignoredReenable(plugin: string, about: string, why: 'second' | 'late'): void
  pluginFailed(plugin: string, about: string, cause: unknown): void
  /** A plugin has given up, because its signal had aborted: nothing has failed. */
  gaveUp?(plugin: string, about: string): void
  /** A wait has ended with a plugin's rejection or silence. A failure is reported by `pluginFailed`. */
  refused?(about: string, refusal: Refusal): void
  /** A plugin in shadow mode has had its turn. */
  shadowed?(plugin: string, about: string, outcome: ShadowOutcome): void
}

/** What is the same for every plugin that is asked in one wait. */
export interface TurnFacts {
  readonly vconn: VConn
  /** What the wait is about, in the words of the log: `client 192.0.2.1:50000`, or a host. */
  readonly about: string
  /** The network of the client for which the origin is judged, as {@link import('../base/network.js').networkOf} has it. */
  readonly network?: string | undefined
  /** When the whole wait ends; milliseconds since the epoch. */
  readonly deadline: number
  readonly observer: TurnObserver
  /** The timers of the wait; default: Node's. */
  readonly time?: Time | undefined
}

/** How a turn ends. `late`: the plugin is out of its own time. */
export type TurnEnd =
  | { readonly type: 'reenabled'; readonly verdict: Verdict }
  | { readonly type: 'plugin-failed'; readonly cause: unknown }
  | { readonly type: 'late' }

/** What limits a plugin's own time. */
export const OWN_LIMIT = '@deadline of its line in plugin.config'

/**
 * One plugin's turn in a wait.
 *
 * Life: asked -> over. It is over when the plugin has answered, has failed, is out of its own time, or when the turn is
 * stopped. Exactly one end comes out of it, or none when it was stopped. What the plugin does later reaches nothing.
 */
export class PluginTurn<E> implements Turn, AskedTurn<E> {
  readonly facts: TurnFacts
  readonly toEvent: (turn: Turn) => E
  #deadline: number
  readonly #asker: TurnAsker<E>
  readonly #right: Reenable
  readonly #onEnd: (end: TurnEnd) => void
  /** Signal and timers are made when first asked for, because most plugins answer at once. */
  #abort: AbortController | undefined
  #timers: Timers | undefined
  #isUnwanted = false
  #clock: Wait | undefined
  /** When the clock rings, on the clock of the wait. */
  #rings = Infinity
  #watcher: ((end: TurnEnd | undefined) => void) | undefined
  #onOver: (() => void) | undefined

  constructor(
    asker: TurnAsker<E>,
    facts: TurnFacts,
    toEvent: (turn: Turn) => E,
    onEnd: (end: TurnEnd) => void,
  ) {
    const { plugin, deadline: own } = asker
    const { about, deadline, observer, time = NODE_TIME } = facts
    this.facts = facts
    this.toEvent = toEvent
    this.#asker = asker
    this.#onEnd = onEnd
    this.#right = new Reenable(
      verdict => this.#end({ type: 'reenabled', verdict }),
      reportIgnored(observer, plugin, about),
    )
    const ends = own === undefined ? Infinity : Date.now() + own
    // A plugin's own deadline that is not before the general one has no timer: the general one ends the wait.
    if (own !== undefined && ends < deadline) this.#ring(time.now() + own)
    this.#deadline = Math.min(ends, deadline)
  }

  get deadline(): number {
    return this.#deadline
  }

  /** An operator gives the plugin more time; the wait as a whole gets as much. @param ms later than it was */
  extend(ms: number): void {
    if (!this.isOpen) return
    this.#deadline += ms
    if (this.#clock !== undefined) this.#ring(this.#rings + ms)
  }

  #ring(at: number): void {
    const { about, observer, time = NODE_TIME } = this.facts
    time.cancel(this.#clock)
    this.#rings = at
    this.#clock = time.after(
      Math.max(at - time.now(), 1),
      () => this.#end({ type: 'late' }),
      why => observer.pluginFailed(this.plugin, about, why),
    )
  }

  get plugin(): string {
    return this.#asker.plugin
  }

  get vconn(): VConn {
    return this.facts.vconn
  }

  get signal(): AbortSignal {
    this.#abort ??= containedAbort(this.refuse)
    if (this.#isUnwanted) this.#abort.abort()
    return this.#abort.signal
  }

  get reenable(): Parked['reenable'] {
    return this.#right.call
  }

  readonly schedule: Parked['schedule'] = (continuation, ms) => {
    this.#timers ??= new Timers(this.refuse, undefined, this.facts.time)
    if (!this.isOpen) this.#timers.clear()
    this.#timers.after(ms, continuation)
  }

  readonly refuse = (cause: unknown): void => {
    const { about, observer } = this.facts
    if (isAbortOf(this.#abort?.signal, cause)) observer.gaveUp?.(this.plugin, about)
    else if (this.isOpen) this.#end({ type: 'plugin-failed', cause })
    else observer.pluginFailed(this.plugin, about, cause)
  }

  watch(watcher: (end: TurnEnd | undefined) => void): void {
    this.#watcher = watcher
  }

  /** Asks. The answer may come from within this call. */
  start(): void {
    const { plugin, onTurn, isSynchronous = false } = this.#asker
    const since = onTurn === undefined ? 0 : Date.now()
    this.#asker.ask(this.toEvent(this), this)
    if (!this.isOpen) return // a plugin that has answered by now has held nothing
    if (isSynchronous) {
      const cause = new ProxyError('PTC_PLUGIN_CALL', 'it returned without an answer, and verify.async is 0')
      this.#end({ type: 'plugin-failed', cause })
    } else this.#onOver = onTurn?.({ plugin, about: this.facts.about, since, deadline: this.deadline })
  }

  get isOpen(): boolean {
    return this.#right.isOpen
  }

  /** The answer is no longer wanted: the right is revoked, the signal aborts. */
  stop(): void {
    if (this.#right.isOpen) this.#finish(undefined)
  }

  #end(end: TurnEnd): void {
    try {
      this.#finish(end)
    } finally {
      this.#onEnd(end) // what waits must not wait without end
    }
  }

  /**
   * The signal aborts unless the plugin has answered, also if the plugin first reads it later.
   * @param end undefined: the turn was stopped
   */
  #finish(end: TurnEnd | undefined): void {
    const { time = NODE_TIME } = this.facts
    time.cancel(this.#clock)
    this.#right.revoke()
    this.#timers?.clear()
    this.#onOver?.()
    this.#isUnwanted = end?.type !== 'reenabled'
    if (this.#isUnwanted) this.#abort?.abort()
    this.#watcher?.(end)
  }
}

/**
 * Made outside of the turn: closures of one function share their variables in V8, so a closure of the constructor would
 * keep the turn, and all evidence with it, alive for as long as the plugin keeps `reenable`.
 */
function reportIgnored(observer: TurnObserver, plugin: string, about: string): (why: Ignored) => void {
  return why => observer.ignoredReenable(plugin, about, why)
}
