/**
 * TLS with a client. It can wait at the ClientHello and where it shows its certificate.
 *
 *     advance()  wants-input -> hello --goOn()--> wants-input -> certificate --goOn()--> wants-input -> established
 *
 * It never passes a gate by itself: `established` needs a goOn() for the hello, and one for the certificate unless the
 * client resumes a session from `provide`, or a ticket. A second ClientHello (after a HelloRetryRequest) does not park
 * again.
 *
 * The last flight before `established` stays inside until `release` or `reject`: in TLS 1.2 a client whose certificate is
 * rejected gets no Finished.
 */
import { ProxyError } from '../../base/errors.js'
import { Engine, type Progress } from './engine.js'
import { SSL_ERROR } from './errors.js'
import { type GateAnswer, type InboundSubject, inboundSubjects } from './hello-callback.js'
import { type HelloFacts, readHelloFacts } from './hello-facts.js'
import type { InboundContext } from './inbound-context.js'
import * as inbound from './inbound-library.js'
import { parseSession, type SessionSubject, sessionSubjects, type WantedSession } from './inbound-sessions.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import type { Owned } from './owned.js'
import { stampSession, verifiedUntil } from './session-age.js'
import { acquireBuffer, releaseBuffer } from './traffic.js'
import { derOfStack, derOfX509 } from './x509.js'

const SENT_AND_RECEIVED_SHUTDOWN = 3
/** X509_V_OK. */
const GOOD_CERTIFICATE = 0
/** As many as OpenSSL would send: a client may want to open two connections at once. */
const NEW_TICKETS = 2
/** A forged encrypted record. */
const FORGED = Buffer.concat([Buffer.from([23, 3, 3, 0, 40]), Buffer.alloc(40)])

export type InboundGate = 'hello' | 'certificate'
export type InboundProgress = Progress<InboundGate>

/** A session that this handshake has made, as bytes. */
export interface MadeSession {
  readonly id: Buffer
  readonly session: Buffer
}

/** The negotiated parameters, and the client's certificates. */
export interface InboundOutcome {
  readonly protocol: string
  readonly cipher: string
  readonly alpn: string | undefined
  readonly isResumed: boolean
  /** DER, leaf first; empty when the client has shown none. A resumed session has the leaf alone. */
  readonly chain: readonly Buffer[]
  /** When the first certificate of the verified path expires, in milliseconds since 1970; undefined without a certificate. */
  readonly validUntil: number | undefined
}

type Gate = 'ahead' | 'parked' | 'passed'

export class InboundEngine extends Engine<InboundGate> implements InboundSubject, SessionSubject {
  readonly #alpn: () => readonly string[]
  #hello: Gate = 'ahead'
  #certificate: Gate = 'ahead'
  #facts: HelloFacts | undefined
  #provided: Owned | undefined
  #made: MadeSession[] = []
  #isRejected = false

  /**
   * @param context decides about sessions and the certificates of clients; `show` may replace the certificate shown
   * @param alpn the protocols that are spoken, the preferred one first; called when the client is answered
   */
  constructor(context: InboundContext, alpn: () => readonly string[]) {
    super(context.handle)
    this.#alpn = alpn
    inbound.SSL_set_accept_state(this.handle)
    this.register(inboundSubjects, this)
    this.register(sessionSubjects, this)
  }

  protected override beforeFree(handle: Handle): void {
    // Without a close_notify OpenSSL would remove the session, though nothing is wrong with it.
    if (this.isOpen && !this.#isRejected && this.traffic.error === undefined)
      inbound.SSL_set_shutdown(handle, SENT_AND_RECEIVED_SHUTDOWN)
  }

  /** Ciphertext for the client; none between `established` and `release`. */
  override take(): Buffer | undefined {
    const isHeld = this.isEstablished && !this.isOpen && !this.#isRejected
    return isHeld ? undefined : super.take()
  }

  protected override parkedAt(why: number): InboundGate | undefined {
    if (why === SSL_ERROR.WANT_CLIENT_HELLO_CB && this.#hello === 'parked') return 'hello'
    return why === SSL_ERROR.WANT_X509_LOOKUP && this.#certificate === 'parked' ? 'certificate' : undefined
  }

  protected override confirm(): string | undefined {
    const isResumed = ssl.SSL_session_reused(this.handle) === 1
    const isConfirmed = this.#hello === 'passed' && (this.#certificate === 'passed' || isResumed)
    if (!isConfirmed) return 'the handshake ended before its gates were opened'
    // OpenSSL ends a handshake whose certificate is no good. A certificate that is shown as good does not rest on that alone.
    const hasCertificate = inbound.SSL_get0_peer_certificate(this.handle) !== NULL
    const isGood =
      Number(inbound.SSL_get_verify_result(this.handle)) === GOOD_CERTIFICATE &&
      verifiedUntil(inbound.SSL_get_session(this.handle)) !== undefined
    return hasCertificate && !isGood ? "the client's certificate was not verified" : undefined
  }

  /** OpenSSL calls this and the next two through hello-callback.ts. */
  onHello(): GateAnswer {
    if (this.#hello === 'passed') return 1
    this.#facts ??= readHelloFacts(this.handle)
    this.#hello = 'parked'
    return -1
  }

  onCertificate(): GateAnswer {
    if (this.#certificate === 'passed') return 1
    this.#certificate = 'parked'
    return -1
  }

  onAlpn(offered: readonly string[]): number | undefined {
    return this.#alpn()
      .map(name => offered.indexOf(name))
      .find(index => index !== -1)
  }

  /** The content of the ClientHello. Only while parked at the hello. */
  get facts(): HelloFacts | undefined {
    return this.#facts
  }

  /** Shows the certificate of this context. Only while parked. */
  show(context: InboundContext): void {
    if (inbound.SSL_set_SSL_CTX(this.handle, context.handle) === NULL) this.fail('out of memory')
  }

  /**
   * Sets the session id context, in place of the one of the certificates shown. Only while parked at the hello.
   * @param context at most 32 bytes
   * @throws {ProxyError} PTC_INTERNAL
   */
  limitSessions(context: Buffer): void {
    if (inbound.SSL_set_session_id_context(this.handle, context, context.length) === 1) return
    ssl.ERR_clear_error()
    throw new ProxyError('PTC_INTERNAL', 'OpenSSL does not take the context of sessions')
  }

  /**
   * Provides the session that the client has offered. Only while parked at the hello.
   * @returns false when the bytes hold no such session
   */
  provide(session: Uint8Array, wanted: WantedSession): boolean {
    const parsed = parseSession(session, wanted)
    if (parsed === undefined) return false
    this.#provided?.free()
    this.#provided = parsed
    return true
  }

  /** Withdraws the provided session. */
  withdraw(): void {
    this.#provided?.free()
    this.#provided = undefined
  }

  /** OpenSSL calls this and the next one through inbound-sessions.ts. */
  onGetSession(id: Buffer): Handle {
    const provided = this.#provided
    if (provided === undefined || provided.isFreed) return NULL
    const length: [number] = [0]
    const at = inbound.SSL_SESSION_get_id(provided.handle, length)
    return at !== NULL && ssl.copyFrom(at, length[0]).equals(id) ? provided.handle : NULL
  }

  onNewSession(id: Buffer, session: Buffer): void {
    this.#made.push({ id, session })
  }

  /** The sessions made since the last call. */
  takeSessions(): readonly MadeSession[] {
    return this.#made.splice(0)
  }

  /** Opens the gate at which the handshake is parked. */
  goOn(): void {
    if (this.#hello === 'parked') {
      this.#hello = 'passed'
      this.#facts = undefined // its size is the client's choice, and it is not needed any more
    } else if (this.#certificate === 'parked') this.#certificate = 'passed'
  }

  /** Only when established. */
  outcome(): InboundOutcome {
    const handle = this.handle
    const cipher = ssl.SSL_get_current_cipher(handle)
    const leaf = inbound.SSL_get0_peer_certificate(handle)
    const chain =
      leaf === NULL ? [] : [derOfX509(leaf), ...derOfStack(inbound.SSL_get_peer_cert_chain(handle))]
    return {
      protocol: ssl.SSL_get_version(handle),
      cipher: cipher === NULL ? '' : ssl.SSL_CIPHER_get_name(cipher),
      alpn: this.alpn,
      isResumed: ssl.SSL_session_reused(handle) === 1,
      chain,
      validUntil: verifiedUntil(inbound.SSL_get_session(handle)),
    }
  }

  /** Opens the established connection. In TLS 1.3 sessions are made now, not earlier. */
  release(): void {
    if (!this.isEstablished || this.isOpen) return
    this.isOpen = true
    const handle = this.handle
    if (ssl.SSL_get_version(handle) !== 'TLSv1.3') return
    stampSession(inbound.SSL_get_session(handle))
    const count = ssl.SSL_session_reused(handle) === 1 ? 1 : NEW_TICKETS
    for (let i = 0; i < count; i++) inbound.SSL_new_session_ticket(handle)
    ssl.SSL_do_handshake(handle) // otherwise the tickets would wait for the first write
    ssl.ERR_clear_error()
  }

  /**
   * Refuses the established connection.
   * @returns `plain` when the client has no Finished of ours and reads plaintext: then the caller sends the alert
   */
  reject(): 'plain' | 'sealed' {
    const { protocol, isResumed } = this.outcome()
    if (protocol === 'TLSv1.2' && !isResumed) {
      this.discardOutput()
      return 'plain'
    }
    // A forged record is the only way to make OpenSSL send a fatal alert now (bad_record_mac) and remove the session. Bytes that
    // the client has sent before are discarded.
    this.discardInput()
    this.receive(FORGED)
    this.#isRejected = true
    const buffer = acquireBuffer()
    this.traffic.read(buffer)
    releaseBuffer(buffer)
    return 'sealed'
  }

  override free(): void {
    this.#provided?.free()
    super.free()
  }
}
