import type { ProxyError } from '../../base/errors.js'
import { NODE_TIME, type Time, type Wait } from '../../base/time.js'
import type { VerifiedPeer } from '../judge/verdict.js'
import { type Effect, type Handshake, type HandshakeEvent, INITIAL, step } from './machine.js'
import { OutboundQuestions, type OutboundSubject } from './questions.js'
import type { OutboundSettings } from './settings.js'

/** What is judged, and the plugins and terms that judge it. */
export interface Case
  extends OutboundSubject,
    Pick<OutboundSettings, 'terms' | 'askers' | 'shadows' | 'deadline' | 'observer'> {
  /** The timers of the wait; default: Node's. */
  readonly time?: Time
}

/**
 * The handshake machine with its plugins and its clock, and no engine: what would be sent goes nowhere. It says what
 * would become of an origin that is not there.
 *
 * Life: made -> judging -> over, with exactly one call of `onEnd`, which may come from within `start`. Plugins in shadow
 * mode may still be thinking then.
 */
export class Judgement {
  readonly #case: Case
  readonly #time: Time
  readonly #questions: OutboundQuestions
  readonly #onEnd: (end: VerifiedPeer | ProxyError) => void
  #state: Handshake = INITIAL
  #clock: Wait | undefined
  #clockEnds = 0

  constructor(judged: Case, onEnd: (end: VerifiedPeer | ProxyError) => void) {
    this.#case = judged
    this.#questions = new OutboundQuestions({ ...judged, shadowTurns: undefined }, judged)
    this.#time = judged.time ?? NODE_TIME
    this.#onEnd = onEnd
  }

  start(): void {
    this.#on({ type: 'certificate', evidence: this.#case.evidence })
  }

  /** The client leaves. */
  abandon(): void {
    this.#on({ type: 'client-gone' })
  }

  #on(event: HandshakeEvent): void {
    const [next, ...effects] = step(this.#state, event, this.#case.terms)
    this.#state = next
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case 'start-clock':
        return this.#startClock(effect.clock)
      case 'ask-shadows':
        return this.#questions.askShadows(Date.now() + this.#case.deadline)
      case 'call-hook':
        return this.#callHook(effect.hook)
      case 'resume':
        return this.#state.at === 'resuming' ? this.#onEnd(this.#state.peer) : undefined
      case 'close':
        return this.#close(effect.why)
      case 'send-alert':
      case 'deliver':
        return
    }
  }

  /** The origin's own clock measures an origin, and there is none. */
  #startClock(clock: 'origin' | 'verdict'): void {
    this.#time.cancel(this.#clock)
    if (clock === 'origin') return
    const { deadline } = this.#case
    this.#clockEnds = this.#time.now() + deadline
    this.#clock = this.#time.after(
      deadline,
      () => this.#on({ type: 'clock' }),
      why => this.#close(why),
    )
  }

  #callHook(hook: number): void {
    // A plugin knows the clock on the wall alone: what is left is counted from there.
    const deadline = Date.now() + this.#clockEnds - this.#time.now()
    this.#questions.ask(hook, deadline, event => this.#on(event))
  }

  #close(why: ProxyError): void {
    this.#time.cancel(this.#clock)
    this.#questions.stop()
    this.#onEnd(why)
  }
}
