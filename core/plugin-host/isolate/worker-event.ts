import { createHash, X509Certificate } from 'node:crypto'
import type { BuiltInResult, Certificate, PeerEvidence } from '../../api/certificate.js'
import type { VerifyServerEvent } from '../../api/hooks.js'
import type { VConn } from '../../api/vconn.js'
import type { Verdict } from '../../api/verdict.js'
import type { PluginTimers } from '../context.js'
import type { PlainCertificate, PlainQuestion } from './messages.js'

/** The right to answer once (`Reenable` of core/vconn, given because plugin-host stands beside it). */
export interface AnswerRight {
  readonly isOpen: boolean
  readonly call: (verdict?: Verdict) => 'counted' | 'ignored'
  revoke(): void
}

/** A certificate in a worker: everything is computed there, when asked for, but the names on one line. */
class WorkerCertificate implements Certificate {
  readonly #plain: PlainCertificate
  #sha256: string | undefined
  #x509: X509Certificate | undefined

  constructor(plain: PlainCertificate) {
    this.#plain = plain
    Object.freeze(this)
  }

  get der(): Buffer {
    return Buffer.from(this.#plain.der)
  }

  get subject(): string {
    return this.#plain.subject
  }

  get issuer(): string {
    return this.#plain.issuer
  }

  get sha256(): string {
    this.#sha256 ??= createHash('sha256').update(this.#plain.der).digest('hex')
    return this.#sha256
  }

  get x509(): X509Certificate {
    this.#x509 ??= Object.freeze(new X509Certificate(this.#plain.der))
    return this.#x509
  }

  get pem(): string {
    return this.x509.toString()
  }
}

/** What a plugin in a worker receives: the same event, made of plain data. Signal and timers end with the turn. */
export class WorkerEvent implements VerifyServerEvent {
  readonly vconn: VConn
  readonly port: number
  readonly deadline: number
  readonly sni: string | undefined
  readonly host: string
  readonly chain: readonly Certificate[]
  readonly builtChain: readonly Certificate[]
  readonly builtIn: BuiltInResult
  readonly checks: PeerEvidence['checks']
  readonly ocspResponse: Buffer | undefined
  readonly protocol: string
  readonly cipher: string
  readonly group: string | undefined
  readonly alpn: string | undefined
  readonly reenable: AnswerRight['call']
  readonly #right: AnswerRight
  readonly #makeTimers: () => PluginTimers
  #abort: AbortController | undefined
  #timers: PluginTimers | undefined

  constructor(plain: PlainQuestion, vconn: VConn, right: AnswerRight, makeTimers: () => PluginTimers) {
    const certificates = plain.certificates.map(certificate => new WorkerCertificate(certificate))
    const pick = (indexes: readonly number[]): readonly Certificate[] =>
      Object.freeze(indexes.flatMap(index => certificates[index] ?? []))
    this.vconn = vconn
    this.port = plain.port
    this.deadline = plain.deadline
    this.sni = plain.sni
    this.host = plain.host
    this.chain = pick(plain.chain)
    this.builtChain = pick(plain.builtChain)
    this.builtIn = plain.builtIn
    this.checks = plain.checks
    this.ocspResponse = plain.ocspResponse && Buffer.from(plain.ocspResponse)
    this.protocol = plain.protocol
    this.cipher = plain.cipher
    this.group = plain.group
    this.alpn = plain.alpn
    this.reenable = right.call
    this.#right = right
    this.#makeTimers = makeTimers
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (!this.#right.isOpen) this.#abort.abort()
    return this.#abort.signal
  }

  readonly schedule = (continuation: () => unknown, ms: number): void => {
    this.#timers ??= this.#makeTimers()
    if (!this.#right.isOpen) this.#timers.clear()
    this.#timers.after(ms, continuation)
  }

  /** The turn is over. `isWanted` is false when the answer is no longer wanted, which aborts the signal. */
  finish(isWanted: boolean): void {
    this.#right.revoke()
    this.#timers?.clear()
    if (!isWanted) this.#abort?.abort()
  }
}
