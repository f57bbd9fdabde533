import type { Verdict } from '../../api/verdict.js'
import type { Time } from '../../base/time.js'
import { Reenable } from '../../wait/reenable.js'
import type { Asker } from './hook-turn.js'
import { finishEvent, isAbortOfEvent, ParkedEvent, whenUnwanted } from './parked-event.js'

/** A handshake that waits for the answer. */
interface Waiter {
  readonly event: ParkedEvent
  readonly refuse: (cause: unknown) => void
}

/** How a question is put, and who hears of it. */
export interface Put {
  readonly ask: Asker['ask']
  /** The verdict that counted, before anybody who waits for it goes on. */
  readonly onVerdict: (verdict: Verdict) => void
  /** An answer that reached nothing. */
  readonly onIgnored: (why: 'second' | 'late') => void
  /** What was thrown after the answer. */
  readonly onLateFailure: (cause: unknown) => void
  /** The plugin has given up, because no handshake waits for its answer any more. */
  readonly onGaveUp: () => void
  /** What waits for the plugin; default: Node's timers. */
  readonly time?: Time | undefined
}

/**
 * Questions to one continuation that wait for their answers. Those with the same key share one call of the plugin.
 */
export class Questions {
  readonly #pending = new Map<string, PendingQuestion>()

  /** How many can be joined. */
  get size(): number {
    return this.#pending.size
  }

  /** @param key what the question is; undefined if its answer is for one handshake alone */
  ask(key: string | undefined, event: ParkedEvent, refuse: Waiter['refuse'], put: Put): void {
    const known = key === undefined ? undefined : this.#pending.get(key)
    if (known?.isJoinable) return known.join({ event, refuse })
    const question: PendingQuestion = new PendingQuestion(event, put, () => {
      if (key !== undefined && this.#pending.get(key) === question) this.#pending.delete(key)
    })
    if (key !== undefined) this.#pending.set(key, question)
    question.join({ event, refuse })
    question.start()
  }
}

/**
 * One call of a plugin, and the handshakes that wait for it.
 *
 * Life: pending -> over. Each handshake has its own clock and its own client: when it goes it leaves the question, which
 * lives on for the others; with the last of them it is over, unanswered. A verdict or a failure is for all who wait.
 *
 * It can be joined until the deadline it was asked with. Otherwise, of a call that never answers, there would always be
 * somebody who waits for it, and nobody who asks again.
 */
class PendingQuestion {
  readonly #waiters = new Set<Waiter>()
  readonly #right: Reenable
  readonly #event: ParkedEvent
  readonly #put: Put
  readonly #onOver: () => void

  constructor(first: ParkedEvent, put: Put, onOver: () => void) {
    const { vconn, port, deadline } = first
    this.#put = put
    this.#onOver = onOver
    this.#right = new Reenable(verdict => this.#answer(verdict), put.onIgnored)
    this.#event = new ParkedEvent(
      { evidence: first, vconn, port, deadline, time: put.time },
      this.#right,
      this.#refuse,
    )
  }

  get isJoinable(): boolean {
    return this.#right.isOpen && Date.now() < this.#event.deadline
  }

  join(waiter: Waiter): void {
    this.#waiters.add(waiter)
    whenUnwanted(waiter.event, () => this.#leave(waiter))
  }

  start(): void {
    this.#put.ask(this.#event, this.#refuse)
  }

  #answer(verdict: Verdict): void {
    const waiters = this.#end(true)
    this.#put.onVerdict(verdict)
    for (const { event } of waiters) event.reenable(verdict)
  }

  readonly #refuse = (cause: unknown): void => {
    if (isAbortOfEvent(this.#event, cause)) return this.#put.onGaveUp()
    if (!this.#right.isOpen) return this.#put.onLateFailure(cause)
    for (const { refuse } of this.#end(true)) refuse(cause)
  }

  #leave(waiter: Waiter): void {
    if (this.#waiters.delete(waiter) && this.#waiters.size === 0) this.#end(false)
  }

  /** Nobody joins any more. Returns those who waited. */
  #end(isWanted: boolean): readonly Waiter[] {
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    this.#right.revoke()
    finishEvent(this.#event, isWanted)
    this.#onOver()
    return waiters
  }
}
