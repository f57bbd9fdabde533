import type { PeerEvidence } from '../../api/certificate.js'
import type { Completing, Completion } from '../../api/hooks.js'
import { ProxyError } from '../../base/errors.js'
import { readX509 } from '../../base/x509.js'
import type { Turn } from '../../wait/turn.js'
import { completes, isIncomplete } from '../judge/evidence.js'

/** Checks in one turn: each may take the processor for as long as a search for paths may. */
const MAX_CHECKS = 16
const MAX_INTERMEDIATES = 32
const MAX_DER = 65_536

/** What a second check needs of a handshake. */
export interface Again {
  /** The evidence about the same chain, with these certificates beside it. */
  readonly check: (evidence: PeerEvidence, more: readonly Buffer[]) => Promise<PeerEvidence>
  /** Puts it in the place of the evidence that is judged. */
  readonly complete: (evidence: PeerEvidence) => void
}

/** Where a handshake's event can be completed, or why it cannot. */
export type CanComplete = 'yes' | 'shared' | 'shadow'

/**
 * What one plugin's event has to complete a chain with.
 *
 * Life: open -> completed, once, or over with the turn.
 */
export class EventCompleting implements Completing {
  readonly #turn: Turn
  readonly #evidence: PeerEvidence
  readonly #again: Again | undefined
  readonly #can: CanComplete
  readonly #made = new WeakMap<object, PeerEvidence>()
  #checks = 0
  #isCompleted = false

  constructor(turn: Turn, evidence: PeerEvidence, again: Again | undefined, can: CanComplete) {
    this.#turn = turn
    this.#evidence = evidence
    this.#again = again
    this.#can = can
  }

  readonly verifyAgain: Completing['verifyAgain'] = async help => {
    const more = readHelp(help)
    if (!this.#turn.isOpen) throw wrong('verifyAgain: the turn is over')
    if (this.#again === undefined) throw wrong('verifyAgain: there is no handshake here')
    if (++this.#checks > MAX_CHECKS) throw wrong(`verifyAgain: at most ${MAX_CHECKS} times in a turn`)
    const evidence = await this.#again.check(this.#evidence, more)
    const { builtChain, builtIn, checks } = evidence
    const completion: Completion = Object.freeze({ builtChain, builtIn, checks })
    this.#made.set(completion, evidence)
    return completion
  }

  readonly complete: Completing['complete'] = completion => {
    const evidence = typeof completion === 'object' && completion !== null && this.#made.get(completion)
    if (!this.#turn.isOpen) throw wrong('complete: the turn is over')
    if (!evidence) throw wrong('complete takes what verifyAgain of the same event has found')
    if (this.#isCompleted) throw wrong('complete: it has been called before')
    if (!isIncomplete(this.#evidence)) throw wrong('complete: the built-in check did not miss an issuer')
    if (!completes(evidence, this.#evidence))
      throw wrong(`complete: the built-in check still fails: ${evidence.checks.signature.name}`)
    if (this.#can === 'shared')
      throw wrong('complete: not with coalesce, because the answer is for others, too')
    this.#isCompleted = true
    if (this.#can === 'yes') this.#again?.complete(evidence)
  }
}

/** What a plugin passes may be anything. */
function readHelp(help: unknown): readonly Buffer[] {
  const { intermediates } = (help ?? {}) as { readonly intermediates?: unknown }
  if (!Array.isArray(intermediates) || intermediates.length > MAX_INTERMEDIATES)
    throw wrong(`verifyAgain takes { intermediates }, at most ${MAX_INTERMEDIATES} certificates`)
  return intermediates.map((der: unknown) => {
    if (!(der instanceof Uint8Array) || der.length > MAX_DER)
      throw wrong(`an intermediate is DER of at most ${MAX_DER} bytes`)
    const copy = Buffer.from(der)
    readX509(copy)
    return copy
  })
}

const wrong = (what: string): ProxyError => new ProxyError('PTC_PLUGIN_CALL', what)
