import { ProxyError } from '../../base/errors.js'
import { describe } from '../../base/thrown.js'
import { NODE_TIME, type Time, type Wait } from '../../base/time.js'
import { Reenable } from '../../wait/reenable.js'
import type { HandshakeEvent } from './machine.js'
import type { HandshakeObserver } from './observer.js'
import { finishEvent, isAbortOfEvent, ParkedEvent, type Turn } from './parked-event.js'

/** One continuation on the hook, ready to be asked. */
export interface Asker {
  readonly plugin: string
  /** Milliseconds this one may take, if its line says so. */
  readonly deadline: number | undefined
  /** What it means when that time is over: a rejection (also when absent), or what the built-in check says. */
  readonly late?: 'reject' | 'builtin'
  /** Whether it has to answer before it returns; otherwise it may hold the handshake. */
  readonly isSynchronous?: boolean
  /** Calls it; `refuse` hears what it threw. */
  readonly ask: (event: ParkedEvent, refuse: (cause: unknown) => void) => void
  /** Hears of each turn that has no answer at once; what it returns is called when the turn is over. */
  readonly onTurn?: (() => () => void) | undefined
}

/**
 * One plugin's turn in a parked handshake.
 *
 * Life: asked -> over. It is over when the plugin has answered, has failed, is out of its own time, or is told to stop;
 * exactly one event comes out of it, or none when it was stopped. What the plugin does later reaches nothing.
 */
export class HookTurn {
  readonly #right: Reenable
  readonly #event: ParkedEvent
  readonly #asker: Asker
  readonly #refuse: (cause: unknown) => void
  readonly #time: Time
  #clock: Wait | undefined
  #onOver: (() => void) | undefined

  /** @param onEnd hears the one event: `reenabled`, `plugin-failed`, or `late` */
  constructor(asker: Asker, turn: Turn, observer: HandshakeObserver, onEnd: (event: HandshakeEvent) => void) {
    const { plugin } = asker
    const { host } = turn.evidence
    const end = (event: HandshakeEvent): void => {
      this.#finish(event.type === 'reenabled')
      onEnd(event)
    }
    this.#asker = asker
    this.#time = turn.time ?? NODE_TIME
    this.#right = new Reenable(
      verdict => end({ type: 'reenabled', verdict }),
      why => observer.ignoredReenable(plugin, host, why),
    )
    this.#refuse = cause => {
      if (isAbortOfEvent(this.#event, cause)) return observer.gaveUp?.(plugin, host)
      observer.pluginFailed(plugin, host, cause)
      if (this.#right.isOpen) end({ type: 'plugin-failed', detail: describe(cause) })
    }
    const own = asker.deadline ?? Infinity
    const ends = Date.now() + own
    // A time that ends with the general one, or after it, is nobody's own: there the general one rejects.
    if (ends < turn.deadline) {
      const { late = 'reject' } = asker
      this.#clock = this.#time.after(own, () => {
        if (late === 'builtin') observer.late?.(plugin, host, turn.evidence.builtIn.name)
        end({ type: 'late', late })
      })
      turn = { ...turn, deadline: ends }
    }
    this.#event = new ParkedEvent(turn, this.#right, this.#refuse)
  }

  get plugin(): string {
    return this.#asker.plugin
  }

  /** When its silence ends the turn; milliseconds since the epoch. */
  get deadline(): number {
    return this.#event.deadline
  }

  /** Asks. The answer may come from within this call. */
  start(): void {
    this.#asker.ask(this.#event, this.#refuse)
    if (this.#asker.isSynchronous && this.#right.isOpen)
      this.#refuse(new ProxyError('PTC_PLUGIN_CALL', 'it returned without an answer, and verify.async is 0'))
    if (this.#right.isOpen) this.#onOver = this.#asker.onTurn?.()
  }

  /** The answer is no longer wanted: the right is revoked, the signal aborts. */
  stop(): void {
    if (this.#right.isOpen) this.#finish(false)
  }

  #finish(isWanted: boolean): void {
    this.#time.cancel(this.#clock)
    this.#right.revoke()
    this.#onOver?.()
    finishEvent(this.#event, isWanted)
  }
}
