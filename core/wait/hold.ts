import { NODE_TIME, type Time, type Wait } from '../base/timer.js'
import { Chain, type ChainEnd, type ChainSubject, type HookPoint, type ToEvent } from './chain.js'
import type { Refusal } from './refusal.js'
import { OWN_LIMIT } from './turn.js'

/** The plugins on one hook, and how long they may hold what waits. There is at least one. */
export interface HoldPoint<E> extends HookPoint<E> {
  /** Milliseconds for all of them together. */
  readonly deadline: number
  /** The setting that says so. */
  readonly limit?: string | undefined
  /** Called when a wait begins; what it returns is called at the end of that wait. */
  readonly enter?: (() => () => void) | undefined
}

/**
 * A wait that is nothing but plugins asked in their order, under one deadline.
 *
 * Life: asking -> over. It is over when all have accepted, or with the first that rejects, fails or is late. `onEnd` is
 * then called exactly once, from within `start` if no plugin took time. A wait that is abandoned ends without that call,
 * and the plugin that is asked reaches nothing any more. Plugins in shadow mode have a life of their own.
 */
export class Hold<E> {
  readonly #point: HoldPoint<E>
  readonly #chain: Chain<E>
  readonly #about: string
  readonly #onEnd: (refusal: Refusal | undefined) => void
  readonly #time: Time
  readonly #ends: number
  #state: 'new' | 'asking' | 'over' = 'new'
  /** The plugin whose turn it is. */
  #plugin = ''
  #clock: Wait | undefined
  #leave: (() => void) | undefined

  /** @param toEvent what a plugin receives */
  constructor(
    point: HoldPoint<E>,
    subject: ChainSubject,
    toEvent: ToEvent<E>,
    onEnd: (refusal: Refusal | undefined) => void,
  ) {
    this.#point = point
    this.#chain = new Chain(point, subject, toEvent)
    this.#about = subject.about
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
    this.#leave = this.#point.enter?.()
    this.#chain.askShadows(Date.now() + this.#point.deadline)
    this.#askNext(0)
  }

  /** The answer is no longer wanted: the right of the plugin that is asked is revoked, its signal aborts. */
  abandon(): void {
    this.#chain.stop()
    this.#close()
  }

  #askNext(index: number): void {
    // A plugin in shadow mode may have had the connection closed.
    if (this.#state !== 'asking') return
    const asker = this.#point.askers[index]
    if (asker === undefined) return this.#end(undefined)
    const { plugin } = asker
    this.#plugin = plugin
    const lasts = this.#chain.ask(index, Date.now() + this.#left, end => this.#onTurn(index, plugin, end))
    // Plugins that answer at once cost no timer.
    if (lasts)
      this.#clock ??= this.#time.after(
        Math.max(this.#left, 1),
        () => this.#onLate(),
        () => this.#end({ plugin: this.#plugin, by: 'plugin-failed' }),
      )
  }

  /** Milliseconds. */
  get #left(): number {
    return this.#ends - this.#time.now()
  }

  #onTurn(index: number, plugin: string, end: ChainEnd): void {
    if (end.type === 'late') return this.#end({ plugin, by: 'deadline', limit: OWN_LIMIT })
    if (end.type === 'plugin-failed') return this.#end({ plugin, by: 'plugin-failed' })
    if (end.verdict.kind === 'accept') return this.#askNext(index + 1)
    const { reason, detail } = end.verdict
    this.#end({ plugin, by: 'plugin', reason, ...(detail === undefined ? {} : { detail }) })
  }

  #onLate(): void {
    this.#chain.stop()
    const { limit } = this.#point
    this.#end({ plugin: this.#plugin, by: 'deadline', ...(limit === undefined ? {} : { limit }) })
  }

  #end(refusal: Refusal | undefined): void {
    if (!this.#close()) return
    try {
      if (refusal !== undefined && refusal.by !== 'plugin-failed')
        this.#point.observer.refused?.(this.#about, refusal)
    } finally {
      this.#onEnd(refusal) // what waits must not wait without end
    }
  }

  /** @returns whether it was asking */
  #close(): boolean {
    if (this.#state === 'over') return false
    const wasAsking = this.#state === 'asking'
    this.#state = 'over'
    this.#time.cancel(this.#clock)
    if (wasAsking) this.#leave?.()
    return wasAsking
  }
}
