import type { ParkedClient } from '../api/client-hooks.js'
import type { HookEvents } from '../api/hooks.js'
import type { VConn } from '../api/vconn.js'
import type { ProxyError } from '../base/errors.js'
import type { Time } from '../base/timer.js'
import type { InboundHooks } from '../program/wiring/inbound/hooks.js'
import { Engineless } from '../tls/engineless.js'
import {
  type Gate,
  INBOUND_INITIAL,
  type InboundEffect,
  type InboundEvent,
  type InboundState,
  inboundStep,
  type Stop,
} from '../tls/inbound/machine.js'
import { Chain, type HookPoint } from '../wait/chain.js'
import type { TurnObserver } from '../wait/turn.js'
import { eventOf } from '../wait/turn-event.js'
import type { Outcome } from './handshake.js'

/** The gate of each hook, and its place in the handshake. */
const GATES = {
  TS_SSL_CLIENT_HELLO_HOOK: ['hello', 'hello'],
  TS_SSL_SESSION_HOOK: ['hello', 'session'],
  TS_SSL_CERT_HOOK: ['certificate', 'certificate'],
  TS_SSL_VERIFY_CLIENT_HOOK: ['established', 'client'],
} as const satisfies Record<string, readonly [Stop, Gate]>

/** Hooks that hold a client of an ssl port. */
export type ClientHook = keyof typeof GATES

/** The fields of a hook's event that the test provides. */
export type ClientFacts<H extends ClientHook> = Omit<
  Extract<HookEvents[H], ParkedClient>,
  keyof ParkedClient
> & {
  /** The server name of the client. */
  readonly sni?: string | undefined
}

/** A client that is held at one hook. */
export interface ClientCase<H extends ClientHook = ClientHook> {
  readonly hook: H
  readonly facts: ClientFacts<H>
  readonly vconn: VConn
  readonly hooks: InboundHooks
  /** Milliseconds for the whole handshake. */
  readonly deadline: number
  readonly observer: TurnObserver
  readonly time: Time
}

/**
 * The machine of a client's handshake at one hook, with its plugins and its clock, without an engine.
 *
 * Life: judging -> over, with exactly one call of `onEnd`.
 */
export class ClientJudgement extends Engineless<InboundState, InboundEvent, InboundEffect> {
  readonly #case: ClientCase
  readonly #onEnd: (outcome: Outcome) => void
  readonly #chain: Chain<unknown>
  #last: InboundEvent | undefined
  #isProvided = false
  #isOver = false

  constructor(judged: ClientCase, onEnd: (outcome: Outcome) => void) {
    const { hook, hooks, facts, vconn, observer, time, deadline } = judged
    super(time, INBOUND_INITIAL, (state, event) => inboundStep(state, event, hooks.terms))
    this.#case = judged
    this.#onEnd = onEnd
    // GATES says which event belongs to which gate; the types of one entry cannot say it.
    const askers = hooks.askers[GATES[hook][1]] as unknown as HookPoint<unknown>['askers']
    this.#chain = new Chain<unknown>(
      { askers, observer, time },
      { vconn, about: `client ${vconn.remoteAddress}` },
      turn => eventOf(turn, { ...this.#watched(facts), sni: facts.sni }),
    )
    this.startClock(deadline, { type: 'clock' })
  }

  start(): void {
    const [stop, gate] = GATES[this.#case.hook]
    this.on({ type: 'reached', stop, waits: [gate] })
  }

  /** The client leaves. */
  abandon(): void {
    if (!this.#isOver) this.#end({ kind: 'left' })
  }

  protected override on(event: InboundEvent): void {
    if (this.#isOver) return
    this.#last = event
    super.on(event)
  }

  protected perform(effect: InboundEffect): void {
    switch (effect.do) {
      case 'call-continuation':
        return this.#callContinuation(effect.continuation)
      case 'go-on':
      case 'deliver':
        return this.#end({
          kind: 'accepted',
          by: this.#chain.turn?.plugin === undefined ? 'nobody' : 'plugins',
        })
      case 'close':
        return this.fail(effect.why)
      case 'send-alert':
      case 'prepare':
        return
    }
  }

  #callContinuation(continuation: number): void {
    this.#chain.ask(continuation, this.deadline, end =>
      this.on(end.type === 'reenabled' ? { ...end, isSettled: this.#isProvided } : end),
    )
  }

  /** A provided session ends the questions: later plugins are not asked. */
  #watched(facts: object): object {
    const { provide } = facts as { readonly provide?: (session: Uint8Array) => boolean }
    if (provide === undefined) return facts
    const watched = (session: Uint8Array): boolean => {
      const isTaken = provide(session)
      this.#isProvided ||= isTaken
      return isTaken
    }
    return { ...facts, provide: watched }
  }

  protected fail(why: ProxyError): void {
    this.#end(this.#refusal(why.message))
  }

  #refusal(message: string): Outcome {
    const last = this.#last
    const plugin = this.#chain.turn?.plugin === undefined ? {} : { plugin: this.#chain.turn?.plugin }
    if (last?.type === 'plugin-failed')
      return { kind: 'rejected', by: 'plugin-failed', ...plugin, detail: last.detail }
    if (last?.type !== 'reenabled' || last.verdict.kind !== 'reject')
      return { kind: 'rejected', by: 'deadline', ...plugin, detail: message }
    const { reason, detail } = last.verdict
    return { kind: 'rejected', by: 'plugin', ...plugin, reason, ...(detail === undefined ? {} : { detail }) }
  }

  #end(outcome: Outcome): void {
    this.#isOver = true
    this.stopClock()
    this.#chain.stop()
    this.#onEnd(outcome)
  }
}
