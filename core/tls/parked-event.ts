import type { BuiltInResult, Certificate, PeerEvidence } from '../api/certificate.js'
import type { VerifyServerEvent } from '../api/hooks.js'
import type { VConn } from '../api/vconn.js'
import type { Verdict } from '../api/verdict.js'
import { containedAbort, isAbortOf } from '../base/contained-abort.js'
import type { Time } from '../base/time.js'
import type { Reenable } from '../vconn/reenable.js'
import { Timers } from '../vconn/schedule.js'
import type { PluginTurn } from '../vconn/turn.js'

/** What is the same for every plugin that is asked about one handshake. */
export interface Turn {
  readonly evidence: PeerEvidence
  readonly vconn: VConn
  readonly port: number
  readonly deadline: number
  /** What waits for the plugin; default: Node's timers. */
  readonly time?: Time | undefined
}

type Right = Pick<Reenable, 'isOpen' | 'call'>

/**
 * What one plugin receives in its turn. Signal and timers are made when first asked for, because most plugins answer
 * at once; both end with the turn.
 */
export class ParkedEvent implements VerifyServerEvent {
  readonly #turn: Turn
  readonly #right: Right
  readonly #refuse: (cause: unknown) => void
  #abort: AbortController | undefined
  #timers: Timers | undefined
  #onUnwanted: (() => void) | undefined
  #own: Pick<PluginTurn, 'signal' | 'schedule'> | undefined

  /** @param refuse what a scheduled continuation throws goes here, and what a listener of the signal throws */
  constructor(turn: Turn, right: Right, refuse: (cause: unknown) => void) {
    this.#turn = turn
    this.#right = right
    this.#refuse = refuse
  }

  /** For a plugin in shadow mode, whose turn has a signal and timers already. */
  static inTurn(facts: Omit<Turn, 'deadline'>, turn: PluginTurn): ParkedEvent {
    const right = { isOpen: true, call: turn.reenable }
    const event = new ParkedEvent({ ...facts, deadline: turn.deadline }, right, () => undefined)
    event.#own = turn
    return event
  }

  get vconn(): VConn {
    return this.#turn.vconn
  }

  get port(): number {
    return this.#turn.port
  }

  get deadline(): number {
    return this.#turn.deadline
  }

  get sni(): string | undefined {
    return this.#turn.evidence.sni
  }

  get host(): string {
    return this.#turn.evidence.host
  }

  get chain(): readonly Certificate[] {
    return this.#turn.evidence.chain
  }

  get builtChain(): readonly Certificate[] {
    return this.#turn.evidence.builtChain
  }

  get builtIn(): BuiltInResult {
    return this.#turn.evidence.builtIn
  }

  get checks(): PeerEvidence['checks'] {
    return this.#turn.evidence.checks
  }

  get ocspResponse(): Buffer | undefined {
    const response = this.#turn.evidence.ocspResponse
    return response === undefined ? undefined : Buffer.from(response)
  }

  get protocol(): string {
    return this.#turn.evidence.protocol
  }

  get group(): string | undefined {
    return this.#turn.evidence.group
  }

  get cipher(): string {
    return this.#turn.evidence.cipher
  }

  get alpn(): string | undefined {
    return this.#turn.evidence.alpn
  }

  get signal(): AbortSignal {
    if (this.#own !== undefined) return this.#own.signal
    this.#abort ??= containedAbort(this.#refuse)
    if (!this.#right.isOpen) this.#abort.abort()
    return this.#abort.signal
  }

  get reenable(): (verdict?: Verdict) => 'counted' | 'ignored' {
    return this.#right.call
  }

  readonly schedule = (continuation: () => unknown, ms: number): void => {
    if (this.#own !== undefined) return this.#own.schedule(continuation, ms)
    this.#timers ??= new Timers(this.#refuse, undefined, this.#turn.time)
    if (!this.#right.isOpen) this.#timers.clear()
    this.#timers.after(ms, continuation)
  }

  /** Whether that was thrown because the turn had ended. */
  isAbortOf(cause: unknown): boolean {
    return isAbortOf(this.#abort?.signal, cause)
  }

  /** Calls `fn` when the turn ends without an answer, because nobody wants it any more. */
  whenUnwanted(fn: () => void): void {
    this.#onUnwanted = fn
  }

  /** The turn is over. `isWanted` is false when the answer is no longer wanted, which aborts the signal. */
  finish(isWanted: boolean): void {
    this.#timers?.clear()
    if (isWanted) return
    this.#abort?.abort()
    this.#onUnwanted?.()
  }
}
