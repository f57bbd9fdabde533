import type { Asking } from '../../api/asking.js'
import type { BuiltInResult, Certificate, PeerEvidence } from '../../api/certificate.js'
import type { VerifyServerEvent } from '../../api/hooks.js'
import { accessor } from '../../base/accessor.js'
import { AskingEvent } from '../../wait/asking-event.js'
import type { Turn } from '../../wait/turn.js'

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
  readonly protocol: string
  readonly cipher: string | undefined
  readonly group: string | undefined
  readonly alpn: string | undefined
  readonly #evidence: PeerEvidence

  static readonly #ocspResponse = accessor((event: ParkedEvent) => {
    const { ocspResponse } = event.#evidence
    return ocspResponse === undefined ? undefined : Buffer.from(ocspResponse)
  })

  constructor(turn: Turn, evidence: PeerEvidence, port: number, asking?: Asking) {
    super(turn, asking)
    this.#evidence = evidence
    this.port = port
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
    Object.freeze(this)
  }
}
