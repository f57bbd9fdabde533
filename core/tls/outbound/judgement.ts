import type { ProxyError } from '../../base/errors.js'
import { NODE_TIME, type Time } from '../../base/timer.js'
import { Engineless } from '../engineless.js'
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
 * Judges one origin without an engine: it says what the plugins and terms make of evidence.
 *
 * Life: made -> judging -> over, with exactly one call of `onEnd`, which may come from within `start`. Plugins in shadow
 * mode may still be thinking then.
 */
export class Judgement extends Engineless<Handshake, HandshakeEvent, Effect> {
  readonly #case: Case
  readonly #questions: OutboundQuestions
  readonly #onEnd: (end: VerifiedPeer | ProxyError) => void

  constructor(judged: Case, onEnd: (end: VerifiedPeer | ProxyError) => void) {
    super(judged.time ?? NODE_TIME, INITIAL, (state, event) => step(state, event, judged.terms))
    this.#case = judged
    this.#questions = new OutboundQuestions({ ...judged, shadowTurns: undefined }, judged)
    this.#onEnd = onEnd
  }

  start(): void {
    this.on({ type: 'certificate', evidence: this.#case.evidence })
  }

  /** The client leaves. */
  abandon(): void {
    this.on({ type: 'client-gone' })
  }

  protected perform(effect: Effect): void {
    switch (effect.do) {
      case 'start-clock':
        this.stopClock()
        // The origin's own clock measures an origin, and there is none.
        if (effect.clock === 'verdict') this.startClock(this.#case.deadline, { type: 'clock' })
        return
      case 'ask-shadows':
        return this.#questions.askShadows(Date.now() + this.#case.deadline)
      case 'call-continuation':
        return this.#questions.ask(effect.continuation, this.deadline, event => this.on(event))
      case 'resume':
        return this.state.at === 'resuming' ? this.#onEnd(this.state.peer) : undefined
      case 'close':
        return this.fail(effect.why)
      case 'send-hello':
      case 'send-alert':
      case 'deliver':
        return
    }
  }

  protected fail(why: ProxyError): void {
    this.stopClock()
    this.#questions.stop()
    this.#onEnd(why)
  }
}
