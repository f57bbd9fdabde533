import type { VConn } from '../api/vconn.js'
import { NODE_TIME, type Time, type Wait } from '../base/time.js'
import type { Refusal } from './refusal.js'
import { Shadows } from './shadows.js'
import { OWN_LIMIT, PluginTurn, type TurnAsker, type TurnEnd, type TurnObserver } from './turn.js'

/** The plugins on one hook that parks, and what is the same whenever they are asked. There is at least one. */
export interface HoldPoint<E> {
  /** Those that have a say, in the order of plugin.config. */
  readonly askers: readonly TurnAsker<E>[]
  /** Those in shadow mode: asked beside, and not waited for. */
  readonly shadows: readonly TurnAsker<E>[]
  /** Where their turns are kept; default: of their own. */
  readonly shadowTurns?: Shadows | undefined
  /** Milliseconds for all of them together. */
  readonly deadline: number
  /** The setting that says so. */
  readonly limit?: string | undefined
  readonly observer: TurnObserver
  /** What waits for the plugins; default: Node's timers. */
  readonly time?: Time | undefined
  /** Waits under way: +1 when one begins, -1 when it is over. */
  readonly onCount?: (change: 1 | -1) => void
}

/** Makes what a plugin receives in its turn. */
export type ToEvent<E> = (turn: PluginTurn, isShadow: boolean) => E

/** What a wait is about. */
export interface HoldSubject {
  readonly vconn: VConn
  /** In the words of the log. */
  readonly about: string
}

/**
 * A wait that is nothing but plugins asked in their order, under one deadline.
 *
 * Life: asking -> over. It is over when all have accepted, or with the first who rejects, fails or is late; `onEnd` is
 * then called exactly once, from within `start` if nobody took time. Or it is abandoned, without a call: whoever was
 * being asked then reaches nothing any more. Plugins in shadow mode have a life of their own.
 */
export class Hold<E> {
  readonly #point: HoldPoint<E>
  readonly #subject: HoldSubject
  readonly #toEvent: ToEvent<E>
  readonly #onEnd: (refusal: Refusal | undefined) => void
  readonly #time: Time
  readonly #ends: number
  #state: 'new' | 'asking' | 'over' = 'new'
  #turn: PluginTurn | undefined
  /** Whose turn it is. */
  #plugin = ''
  #clock: Wait | undefined

  /** @param toEvent what a plugin receives */
  constructor(
    point: HoldPoint<E>,
    subject: HoldSubject,
    toEvent: ToEvent<E>,
    onEnd: (refusal: Refusal | undefined) => void,
  ) {
    this.#point = point
    this.#subject = subject
    this.#toEvent = toEvent
    this.#onEnd = onEnd
    this.#time = point.time ?? NODE_TIME
    this.#ends = this.#time.now() + point.deadline
  }

  get isParked(): boolean {
    return this.#state === 'asking'
  }

  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'asking'
    this.#point.onCount?.(1)
    this.#askShadows()
    this.#askNext(0)
  }

  /** Nobody waits any more: the right of whoever is asked is revoked, its signal aborts. */
  abandon(): void {
    this.#turn?.stop()
    this.#close()
  }

  #askShadows(): void {
    const { shadows, shadowTurns = new Shadows(), deadline, observer, time } = this.#point
    if (shadows.length === 0) return
    const facts = { ...this.#subject, deadline: Date.now() + deadline, observer, time }
    shadowTurns.ask(shadows, facts, turn => this.#toEvent(turn, true))
  }

  #askNext(index: number): void {
    // A plugin in shadow mode may have had the connection closed.
    if (this.#state !== 'asking') return
    const { askers, observer, time } = this.#point
    const asker = askers[index]
    if (asker === undefined) return this.#end(undefined)
    const { vconn, about } = this.#subject
    const facts = { vconn, about, deadline: Date.now() + this.#left, observer, time }
    this.#plugin = asker.plugin
    const turn = new PluginTurn(asker, facts, end => this.#onTurn(index, asker.plugin, end))
    this.#turn = turn
    turn.start(asker, this.#toEvent(turn, false))
    // A clock only for those who take time.
    if (turn.isOpen) this.#clock ??= this.#time.after(Math.max(this.#left, 1), () => this.#onLate())
  }

  /** Milliseconds. */
  get #left(): number {
    return this.#ends - this.#time.now()
  }

  #onTurn(index: number, plugin: string, end: TurnEnd): void {
    if (end.type === 'late') return this.#end({ plugin, by: 'deadline', limit: OWN_LIMIT })
    if (end.type === 'plugin-failed') return this.#end({ plugin, by: 'plugin-failed' })
    if (end.verdict.kind === 'accept') return this.#askNext(index + 1)
    const { reason, detail } = end.verdict
    this.#end({ plugin, by: 'plugin', reason, ...(detail === undefined ? {} : { detail }) })
  }

  #onLate(): void {
    this.#turn?.stop()
    const { limit } = this.#point
    this.#end({ plugin: this.#plugin, by: 'deadline', ...(limit === undefined ? {} : { limit }) })
  }

  #end(refusal: Refusal | undefined): void {
    if (!this.#close()) return
    if (refusal !== undefined && refusal.by !== 'plugin-failed')
      this.#point.observer.refused?.(this.#subject.about, refusal)
    this.#onEnd(refusal)
  }

  /** @returns whether it was under way */
  #close(): boolean {
    if (this.#state === 'over') return false
    const wasAsking = this.#state === 'asking'
    this.#state = 'over'
    this.#turn = undefined
    this.#time.cancel(this.#clock)
    if (wasAsking) this.#point.onCount?.(-1)
    return wasAsking
  }
}
