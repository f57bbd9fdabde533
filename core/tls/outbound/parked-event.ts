import type { Asking } from '../../api/asking.js'
import type { BuiltInResult, Certificate, PeerEvidence } from '../../api/certificate.js'
import type { Completing, VerifyServerEvent } from '../../api/hooks.js'
import { accessor } from '../../base/accessor.js'
import type { Turn } from '../../wait/turn.js'
import { AskingEvent } from '../../wait/turn-event.js'
import { type Again, type CanComplete, EventCompleting } from './completing.js'

/** What one plugin receives in its turn, frozen. What is not declared is out of a plugin's reach. */
export class ParkedEvent extends AskingEvent implements VerifyServerEvent {
  readonly port: number
  readonly sni: string | undefined
  readonly host: string
  readonly chain: readonly Certificate[]
  readonly builtChain: readonly Certificate[]
  readonly builtIn: BuiltInResult
  readonly checks: PeerEvidence['checks']
  declare readonly ocspResponse: Buffer | undefined
  declare readonly sctList: Buffer | undefined
  readonly protocol: string
  readonly cipher: string | undefined
  readonly group: string | undefined
  readonly alpn: string | undefined
  declare readonly verifyAgain: Completing['verifyAgain']
  declare readonly complete: Completing['complete']
  readonly #evidence: PeerEvidence
  readonly #toCompleting: () => EventCompleting
  #completing: EventCompleting | undefined

  static readonly #ocspResponse = accessor((event: ParkedEvent) => copyOf(event.#evidence.ocspResponse))
  static readonly #sctList = accessor((event: ParkedEvent) => copyOf(event.#evidence.sctList))

  static readonly #verifyAgain = accessor((event: ParkedEvent) => event.#completingOf().verifyAgain)
  static readonly #complete = accessor((event: ParkedEvent) => event.#completingOf().complete)

  constructor(
    turn: Turn,
    evidence: PeerEvidence,
    port: number,
    asking?: Asking,
    again?: Again,
    can: CanComplete = 'yes',
  ) {
    super(turn, asking)
    this.#evidence = evidence
    this.#toCompleting = () => new EventCompleting(turn, evidence, again, can)
    this.port = port
    this.sni = evidence.sni
    this.host = evidence.host
    this.chain = evidence.chain
    this.builtChain = evidence.builtChain
    this.builtIn = evidence.builtIn
    this.checks = evidence.checks
    Object.defineProperty(this, 'ocspResponse', ParkedEvent.#ocspResponse)
    Object.defineProperty(this, 'sctList', ParkedEvent.#sctList)
    this.protocol = evidence.protocol
    this.cipher = evidence.cipher
    this.group = evidence.group
    this.alpn = evidence.alpn
    Object.defineProperty(this, 'verifyAgain', ParkedEvent.#verifyAgain)
    Object.defineProperty(this, 'complete', ParkedEvent.#complete)
    Object.freeze(this)
  }

  #completingOf(): EventCompleting {
    this.#completing ??= this.#toCompleting()
    return this.#completing
  }
}

/** A plugin may write into what it is given. */
const copyOf = (bytes: Buffer | undefined): Buffer | undefined => bytes && Buffer.from(bytes)
