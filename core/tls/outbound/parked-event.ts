import type { BuiltInResult, Certificate, PeerEvidence } from '../../api/certificate.js'
import type { VerifyServerEvent } from '../../api/hooks.js'
import type { VConn } from '../../api/vconn.js'
import type { Verdict } from '../../api/verdict.js'
import { accessor } from '../../base/accessor.js'
import { containedAbort, isAbortOf } from '../../base/contained-abort.js'
import type { Time } from '../../base/time.js'
import type { Reenable } from '../../wait/reenable.js'
import { Timers } from '../../wait/timers.js'
import type { PluginTurn } from '../../wait/turn.js'

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

/** Ends the turn that an event is of. `isWanted` is false when the answer is no longer wanted, which aborts the signal. */
export let finishEvent: (event: ParkedEvent, isWanted: boolean) => void
/** Calls `fn` when the turn of an event ends without an answer, because nobody wants it any more. */
export let whenUnwanted: (event: ParkedEvent, fn: () => void) => void
/** Whether that was thrown because the turn of an event had ended. */
export let isAbortOfEvent: (event: ParkedEvent, cause: unknown) => boolean

/**
 * What one plugin receives in its turn, frozen. All that it declares are own, enumerable properties, so that a copy of the
 * event has them; what is not declared is out of a plugin's reach.
 *
 * Signal and timers are made when first asked for, because most plugins answer at once; both end with the turn. Their
 * accessors are the same functions for all events, which keeps one shape for them.
 */
export class ParkedEvent implements VerifyServerEvent {
  readonly vconn: VConn
  readonly port: number
  readonly deadline: number
  readonly sni: string | undefined
  readonly host: string
  readonly chain: readonly Certificate[]
  readonly builtChain: readonly Certificate[]
  readonly builtIn: BuiltInResult
  readonly checks: PeerEvidence['checks']
  declare readonly ocspResponse: Buffer | undefined
  readonly protocol: string
  readonly cipher: string | undefined
  readonly group: string | undefined
  readonly alpn: string | undefined
  declare readonly signal: AbortSignal
  readonly schedule: (continuation: () => unknown, ms: number) => void
  readonly reenable: (verdict?: Verdict) => 'counted' | 'ignored'
  readonly #turn: Turn
  readonly #right: Right
  readonly #refuse: (cause: unknown) => void
  #abort: AbortController | undefined
  #timers: Timers | undefined
  #onUnwanted: (() => void) | undefined
  #own: Pick<PluginTurn, 'signal' | 'schedule'> | undefined

  static readonly #ocspResponse = accessor((event: ParkedEvent) => event.#copyOcspResponse())
  static readonly #signal = accessor((event: ParkedEvent) => event.#openSignal())

  static {
    finishEvent = (event, isWanted) => event.#finish(isWanted)
    whenUnwanted = (event, fn) => {
      event.#onUnwanted = fn
    }
    isAbortOfEvent = (event, cause) => isAbortOf(event.#abort?.signal, cause)
  }

  /** @param refuse what a scheduled continuation throws goes here, and what a listener of the signal throws */
  constructor(turn: Turn, right: Right, refuse: (cause: unknown) => void) {
    const { evidence } = turn
    this.#turn = turn
    this.#right = right
    this.#refuse = refuse
    this.vconn = turn.vconn
    this.port = turn.port
    this.deadline = turn.deadline
    this.sni = evidence.sni
    this.host = evidence.host
    this.chain = evidence.chain
    this.builtChain = evidence.builtChain
    this.builtIn = evidence.builtIn
    this.checks = evidence.checks
    Object.defineProperty(this, 'ocspResponse', ParkedEvent.#ocspResponse)
    this.protocol = evidence.protocol
    this.cipher = evidence.cipher
    this.group = evidence.group
    this.alpn = evidence.alpn
    Object.defineProperty(this, 'signal', ParkedEvent.#signal)
    this.schedule = (continuation, ms) => this.#schedule(continuation, ms)
    this.reenable = right.call
    Object.freeze(this)
  }

  /** For a plugin in shadow mode, whose turn has a signal and timers already. */
  static inTurn(facts: Omit<Turn, 'deadline'>, turn: PluginTurn): ParkedEvent {
    const right = { isOpen: true, call: turn.reenable }
    const event = new ParkedEvent({ ...facts, deadline: turn.deadline }, right, () => undefined)
    event.#own = turn
    return event
  }

  #copyOcspResponse(): Buffer | undefined {
    const response = this.#turn.evidence.ocspResponse
    return response === undefined ? undefined : Buffer.from(response)
  }

  #openSignal(): AbortSignal {
    if (this.#own !== undefined) return this.#own.signal
    this.#abort ??= containedAbort(this.#refuse)
    if (!this.#right.isOpen) this.#abort.abort()
    return this.#abort.signal
  }

  #schedule(continuation: () => unknown, ms: number): void {
    if (this.#own !== undefined) return this.#own.schedule(continuation, ms)
    this.#timers ??= new Timers(this.#refuse, undefined, this.#turn.time)
    if (!this.#right.isOpen) this.#timers.clear()
    this.#timers.after(ms, continuation)
  }

  #finish(isWanted: boolean): void {
    this.#timers?.clear()
    if (isWanted) return
    this.#abort?.abort()
    this.#onUnwanted?.()
  }
}
