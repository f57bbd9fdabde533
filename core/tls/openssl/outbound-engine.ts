/**
 * TLS with an origin. It can wait at the certificate.
 *
 *     advance()  wants-input --receive()--> advance() --> parked --decide()--> advance() --> established
 *                                                            \--decide(code)--> advance() --> failed (alert in take())
 *
 * The engine never passes `parked` by itself: `established` needs a `decide(0)`, or a session that was offered with the
 * proof of its acceptance and that the origin resumed. Without one of them every answer of OpenSSL is a failure.
 */
import { ProxyError } from '../../base/errors.js'
import { StapledResponse } from '../judge/stapled-response.js'
import type { VerifiedPeer } from '../judge/verdict.js'
import { type BuiltInCheck, type CheckedNames, runBuiltInCheck } from './built-in-check.js'
import type { ChainMemory } from './chain-memory.js'
import { Engine } from './engine.js'
import { SSL_ERROR, X509_V_ERR_UNSPECIFIED, X509_V_OK } from './errors.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { isAsJudged, type Negotiated, negotiatedIn } from './negotiated.js'
import { alpnWire, keyLogs, type OutboundContext } from './outbound-context.js'
import { type OutboundSession, type SessionSubject, sessionSubjects } from './outbound-session.js'
import { type SctSubject, sctSubjects } from './sct-extension.js'
import { type VerifyAnswer, type VerifySubject, verifySubjects } from './verify-callback.js'
import { presentedTo } from './verify-path.js'

const SSL_CTRL_SET_TLSEXT_HOSTNAME = 55
const SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE = 65
const SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP = 70
const SSL_CTRL_SET_RETRY_VERIFY = 136
const TLSEXT_STATUSTYPE_OCSP = 1
/** NID_kx_ecdhe, NID_kx_dhe. */
const SIGNED_KEY_EXCHANGES: ReadonlySet<number> = new Set([1038, 1039])

const NOTHING = Buffer.alloc(0)

/** What the origin has sent, as bytes and numbers. */
export interface ParkedPeer extends BuiltInCheck, Negotiated {
  readonly ocspResponse: Buffer | undefined
  readonly sctList: Buffer | undefined
}

export interface OutboundNames extends CheckedNames {
  /** The name for the ClientHello; undefined sends none. */
  readonly sni: string | undefined
}

export class OutboundEngine extends Engine<'parked'> implements VerifySubject, SessionSubject, SctSubject {
  readonly #names: OutboundNames
  readonly #memory: ChainMemory
  #check: BuiltInCheck | undefined
  /** X509_V_OK, or the reason of a rejection; undefined: not decided. */
  #decision: number | undefined
  /** A session was offered with the proof that its handshake was accepted. */
  #mayResume = false
  /** What had been negotiated when the chain of that session was shown. */
  #judged: Negotiated | undefined
  #keepSession: ((session: OutboundSession) => void) | undefined
  /** A session that arrived before `onSession`. */
  #session: OutboundSession | undefined
  /** The stapled response, which TLS 1.2 sends after the certificate; until the end of the handshake. */
  #stapled: StapledResponse | undefined = new StapledResponse()
  #sctList: Buffer | undefined

  /**
   * @param alpn protocols to offer in place of the context's
   * @throws {ProxyError} PTC_HANDSHAKE_FAILED when OpenSSL does not take the name for the ClientHello
   */
  constructor(context: OutboundContext, names: OutboundNames, alpn?: readonly string[]) {
    super(context.handle)
    this.#names = names
    this.#memory = context.memory
    const handle = this.handle
    ssl.SSL_set_connect_state(handle)
    const { sni } = names
    if (sni !== undefined && ssl.SSL_ctrl_text(handle, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, sni) !== 1) {
      this.free()
      throw new ProxyError('PTC_HANDSHAKE_FAILED', `OpenSSL does not take the name ${sni}`)
    }
    const wire = alpn && alpnWire(alpn)
    // Unlike similar functions, this one returns 0 for success.
    if (wire !== undefined && ssl.SSL_set_alpn_protos(handle, wire, wire.length) !== 0) {
      this.free()
      throw new ProxyError('PTC_HANDSHAKE_FAILED', `OpenSSL does not take the protocols ${alpn}`)
    }
    ssl.SSL_ctrl(handle, SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, TLSEXT_STATUSTYPE_OCSP, NULL)
    this.register(verifySubjects, this)
    this.register(sessionSubjects, this)
    this.register(sctSubjects, this)
    if (context.keyLog !== undefined) this.register(keyLogs, context.keyLog)
  }

  /**
   * Offers a session in the ClientHello. An origin that does not resume it sends its certificate, and the engine parks.
   * One that resumes it with another cipher, group or result of ALPN than was judged fails the handshake.
   * @param accepted the proof that the session's handshake was accepted, now or under a verdict that is still valid
   */
  offer(session: OutboundSession, accepted: VerifiedPeer): void {
    ssl.ERR_clear_error()
    const { protocol, cipher, group, alpn } = accepted.shown
    this.#judged = { protocol, cipher, group, alpn }
    this.#mayResume = ssl.SSL_set_session(this.handle, session.handle) === 1
  }

  /** Whether the handshake was made with the session that was offered. */
  get isResumed(): boolean {
    return this.#mayResume && this.#check === undefined && ssl.SSL_session_reused(this.handle) === 1
  }

  /** Whether it was, and something else was negotiated than what was judged. */
  get isResumedOtherwise(): boolean {
    return this.isResumed && (this.#judged === undefined || !isAsJudged(this.#judged, this.#negotiated))
  }

  /** OpenSSL calls this through outbound-session.ts. */
  onNewSession(session: OutboundSession): void {
    if (this.#keepSession !== undefined) return this.#keepSession(session)
    this.#session?.free()
    this.#session = session
  }

  /** Passes on the sessions that the origin issues, with their ownership. Only after `established`. */
  onSession(keep: (session: OutboundSession) => void): void {
    if (!this.isEstablished) return
    this.#keepSession = keep
    const session = this.#session
    this.#session = undefined
    if (session !== undefined) keep(session)
  }

  override receive(bytes: Uint8Array): void {
    this.#stapled?.look(bytes)
    super.receive(bytes)
  }

  protected override parkedAt(why: number): 'parked' | 'wants-input' | undefined {
    if (why !== SSL_ERROR.WANT_RETRY_VERIFY || this.#check === undefined) return undefined
    return this.#isFlightIn ? 'parked' : 'wants-input'
  }

  /** After the certificate OpenSSL may ask for bytes only when the certificate was accepted. */
  protected override get mayWait(): boolean {
    return this.#check === undefined || this.#decision === X509_V_OK
  }

  protected override confirm(): string | undefined {
    if (this.#decision !== X509_V_OK && !this.isResumed)
      return 'the handshake ended before the certificate was accepted'
    if (this.isResumedOtherwise)
      return 'the origin has resumed a session with another cipher, group or protocol of ALPN'
    if (!this.#isStapledAsShown()) return 'the stapled OCSP response is not the one that was shown'
    this.#stapled = undefined
    this.isOpen = true
    return undefined
  }

  /** Whether everything that plugins see has arrived. An origin that stops in its flight ends the handshake. */
  get #isFlightIn(): boolean {
    const stapled = this.#stapled
    return stapled === undefined || !stapled.isAnnounced || stapled.isDone
  }

  /** Whether the stapled response that was read ahead is the one that OpenSSL has read since. */
  #isStapledAsShown(): boolean {
    const stapled = this.#stapled
    if (this.#check === undefined || stapled === undefined || !stapled.isAnnounced) return true
    return (this.#ocspRead() ?? NOTHING).equals(stapled.found ?? NOTHING)
  }

  /** OpenSSL calls this through verify-callback.ts. */
  onVerify(store: Handle): VerifyAnswer {
    if (this.#decision === X509_V_OK) {
      ssl.X509_STORE_CTX_set_error(store, X509_V_OK)
      return 1
    }
    if (this.#decision === undefined) {
      this.#check ??= runBuiltInCheck(presentedTo(store), this.#names, this.#memory)
      // The check leaves errors in the queue. SSL_get_error would find them before the retry.
      ssl.ERR_clear_error()
      if (ssl.SSL_ctrl(this.handle, SSL_CTRL_SET_RETRY_VERIFY, 0, NULL) === 1) return 1
    }
    ssl.X509_STORE_CTX_set_error(store, this.#decision ?? X509_V_ERR_UNSPECIFIED)
    return 0
  }

  /** OpenSSL calls this through sct-extension.ts. */
  onSctList(list: Buffer): void {
    this.#sctList = list
  }

  /** What the origin has sent. Only while parked. */
  peer(): ParkedPeer | undefined {
    const check = this.#check
    if (check === undefined) return undefined
    const { protocol, cipher, group, alpn } = this.#negotiated
    return {
      protocol,
      cipher,
      group,
      alpn,
      ocspResponse: this.#ocspRead() ?? this.#stapled?.found,
      sctList: this.#sctList,
      ...check, // last: docs/performance.md says what a spread in front costs
    }
  }

  get #negotiated(): Negotiated {
    return negotiatedIn(this.handle, this.alpn)
  }

  /** As far as OpenSSL has read; in TLS 1.2 only after the certificate was accepted. */
  #ocspRead(): Buffer | undefined {
    const at: [Handle] = [NULL]
    const length = Number(ssl.SSL_ctrl_out(this.handle, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, at))
    return at[0] === NULL || length <= 0 ? undefined : ssl.copyFrom(at[0], length)
  }

  /**
   * Sets the verdict. Only the first call counts.
   * @param code 0 accepts; an X509_V_ERR number rejects, and OpenSSL picks the alert that belongs to it
   */
  decide(code: number): void {
    this.#decision ??= code
  }

  /**
   * Whether the origin of an accepted certificate has proved that it holds the key, and has asked for a certificate after
   * that. True only in TLS 1.2 with a signed key exchange: elsewhere the proof comes later, or with the end of the handshake.
   */
  get isProvenAndAsking(): boolean {
    const handle = this.handle
    if (this.#decision !== X509_V_OK || ssl.SSL_get_version(handle) !== 'TLSv1.2') return false
    if (ssl.SSL_get0_peer_CA_list(handle) === NULL) return false
    const cipher = ssl.SSL_get_pending_cipher(handle)
    return cipher !== NULL && SIGNED_KEY_EXCHANGES.has(ssl.SSL_CIPHER_get_kx_nid(cipher))
  }

  override free(): void {
    this.#session?.free()
    super.free()
  }
}
