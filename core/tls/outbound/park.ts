import { Deadline } from '../../base/deadline.js'
import type { ProxyError } from '../../base/errors.js'
import type { OnFault } from '../../base/timer.js'
import { areWithdrawn, withdrawn } from '../judge/revocation-log.js'
import type { VerifiedPeer } from '../judge/verdict.js'
import { HeldVerdict } from './held-verdict.js'
import type { Handshake, HandshakeEvent } from './machine.js'
import type { OutboundSettings } from './settings.js'
import type { Accepted } from './start-tls.js'

/** How much an origin may send while it is parked: the rest of its flight is far below. */
export const WAITING_BYTES = 262_144

/**
 * The time that plugins hold one handshake, from the first call of a plugin on.
 *
 * Life: not begun -> connected -> released, when the connection has ended and the plugins are still asked -> over.
 */
export class Park {
  readonly #settings: Pick<OutboundSettings, 'releaseAfter' | 'revocations'>
  readonly #parent: Accepted | undefined
  readonly #isRedialable: boolean
  readonly #releaseTime: Deadline
  #since: number | undefined
  #revocations = 0
  #firstAccepted: number | undefined
  #isReleased = false
  #held: number | undefined
  #voidWhy: ProxyError | undefined

  /**
   * @param parent that the connection leads through, reached by https
   * @param onFault ends the handshake
   * @param onTime is called when the connection should be released; never where it cannot be (`canRedial`)
   */
  constructor(
    settings: OutboundSettings,
    parent: Accepted | undefined,
    canRedial: boolean,
    onFault: OnFault,
    onTime: () => void,
  ) {
    this.#settings = settings
    this.#parent = parent
    this.#isRedialable = canRedial
    this.#releaseTime = new Deadline({ onFault, onTime })
  }

  begin(): void {
    if (this.#since !== undefined) return
    const { releaseAfter = 0, revocations } = this.#settings
    this.#since = performance.now()
    this.#revocations = revocations?.count ?? 0
    if (this.#isRedialable) this.#releaseTime.set(releaseAfter)
  }

  /** A plugin or an operator has accepted. To be called before other plugins are told of it, because they may revoke it. */
  accepted(): void {
    this.#firstAccepted ??= this.revocations
  }

  /** Notes the first acceptance of what the origin shows: by a plugin, an operator, the built-in check, or a stored session. */
  heard(event: HandshakeEvent, next: Handshake): void {
    if (event.type === 'certificate') this.#firstAccepted = undefined // a stored session may have been accepted before
    const isPassed = event.type === 'late' && next.at === 'parked'
    if (isPassed || next.at === 'resuming') this.accepted()
  }

  /** How many revocations there had been at the first acceptance, or have been when there is none. */
  get revocations(): number {
    return this.#firstAccepted ?? this.#settings.revocations?.count ?? 0
  }

  /** Why an acceptance of the handshake, which is void then, or of the parent does not hold any more; undefined: it does. */
  whyWithdrawn(state: Handshake): ProxyError | undefined {
    if (state.at !== 'resuming') return undefined
    const { revocations } = this
    if (!areWithdrawn(this.#settings.revocations, { peer: state.peer, revocations }, this.#parent))
      return undefined
    this.makeVoid(withdrawn())
    return this.voidWhy
  }

  /** Milliseconds since it began, if it has begun. */
  get age(): number | undefined {
    return this.#since === undefined ? undefined : performance.now() - this.#since
  }

  /** Whether a new connection can be made when this one ends. */
  get canRedial(): boolean {
    return this.#isRedialable && this.#since !== undefined
  }

  get isReleased(): boolean {
    return this.#isReleased
  }

  release(): void {
    this.#isReleased = true
    this.stop()
  }

  /** Milliseconds that it lasted, if it began and was stopped. */
  get held(): number | undefined {
    return this.#held
  }

  /** The plugins have answered, or the connection is over: it is not released any more. */
  stop(): void {
    this.#held = this.age
    this.#releaseTime.stop()
  }

  /** What was decided does not hold for the connection. */
  makeVoid(why: ProxyError): void {
    this.#voidWhy = why
  }

  get voidWhy(): ProxyError | undefined {
    return this.#voidWhy
  }

  /** What was accepted without a connection. */
  verdict(peer: VerifiedPeer, port: number): HeldVerdict {
    const revocations = this.#voidWhy === undefined ? this.#revocations : undefined
    return new HeldVerdict(peer, port, revocations, this.age ?? 0)
  }
}
