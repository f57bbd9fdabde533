/**
 * A TLS client that can wait at the certificate: bytes in, bytes out, no socket.
 *
 *     advance()  wants-input --receive()--> advance() --> parked --decide()--> advance() --> established
 *                                                            \--decide(code)--> advance() --> failed (alert in take())
 *
 * The engine never gets past `parked` by itself: `established` needs a `decide(0)`, or a session that was offered with
 * somebody's acceptance and taken by the origin; whatever OpenSSL says without one of both is a failure.
 *
 * Longer than 250 lines because all calls on one `SSL*` are in one place.
 */
import { ProxyError } from '../../base/errors.js'
import { StapledResponse } from '../judge/stapled-response.js'
import type { VerifiedPeer } from '../judge/verdict.js'
import { type BuiltInCheck, type CheckedNames, runBuiltInCheck } from './built-in-check.js'
import type { ChainMemory } from './chain-memory.js'
import { type OpenSslError, takeError } from './errors.js'
import { Established, type ReadResult, type WriteResult } from './established.js'
import { dismissFromKeys, enrollForKeys } from './key-log.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { drainBio, newMemoryBio } from './memory-bio.js'
import type { OutboundContext } from './outbound-context.js'
import {
  dismissFromSessions,
  enrollForSessions,
  type OutboundSession,
  type SessionSubject,
} from './outbound-session.js'
import { Owned } from './owned.js'
import type { Plaintext } from './plaintext.js'
import { dismiss, enroll, type VerifyAnswer, type VerifySubject } from './verify-callback.js'
import { presentedTo } from './verify-path.js'

const SSL_CTRL_SET_TLSEXT_HOSTNAME = 55
const SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE = 65
const SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP = 70
const SSL_CTRL_GET_NEGOTIATED_GROUP = 134
const SSL_CTRL_SET_RETRY_VERIFY = 136
const TLSEXT_STATUSTYPE_OCSP = 1
const SSL_ERROR_SSL = 1
const SSL_ERROR_WANT_READ = 2
const SSL_ERROR_WANT_WRITE = 3
const SSL_ERROR_WANT_RETRY_VERIFY = 12
/** NID_kx_ecdhe, NID_kx_dhe. */
const SIGNED_KEY_EXCHANGES: ReadonlySet<number> = new Set([1038, 1039])
const X509_V_OK = 0
const X509_V_ERR_UNSPECIFIED = 1

const NOTHING = Buffer.alloc(0)

export type Progress = 'wants-input' | 'parked' | 'established' | 'failed'

/** What the origin showed, as bytes and numbers. */
export interface ParkedPeer extends BuiltInCheck {
  readonly protocol: string
  readonly cipher: string | undefined
  readonly group: string | undefined
  readonly alpn: string | undefined
  readonly ocspResponse: Buffer | undefined
}

export interface EngineOptions extends CheckedNames {
  /** The name for the ClientHello; undefined sends none. */
  readonly sni: string | undefined
}

export class OutboundEngine implements VerifySubject, SessionSubject {
  readonly #ssl: Owned
  /** Owned by the SSL, freed with it. */
  readonly #in: Handle
  readonly #out: Handle
  readonly #options: EngineOptions
  readonly #memory: ChainMemory
  #check: BuiltInCheck | undefined
  /** X509_V_OK, or why not; undefined: nobody has decided. */
  #decision: number | undefined
  /** A session was offered by somebody who has accepted what it rests on. */
  #mayResume = false
  #keepSession: ((session: OutboundSession) => void) | undefined
  /** One that came before anybody said what to do with it. */
  #session: OutboundSession | undefined
  #isEstablished = false
  /** What of TLS 1.2 comes behind the certificate; until the handshake has ended. */
  #stapled: StapledResponse | undefined = new StapledResponse()
  #error: OpenSslError | undefined
  /** Once established, and not before. */
  readonly #traffic = new Established(() => this.#ssl.handle)

  constructor(context: OutboundContext, options: EngineOptions) {
    ssl.ERR_clear_error()
    this.#options = options
    this.#memory = context.memory
    this.#ssl = new Owned('SSL', ssl.SSL_new(context.handle), handle => {
      dismiss(handle)
      dismissFromSessions(handle)
      dismissFromKeys(handle)
      ssl.SSL_free(handle)
    })
    const handle = this.#ssl.handle
    this.#in = newMemoryBio()
    this.#out = newMemoryBio()
    ssl.SSL_set_bio(handle, this.#in, this.#out)
    ssl.SSL_set_connect_state(handle)
    if (
      options.sni !== undefined &&
      ssl.SSL_ctrl_text(handle, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, options.sni) !== 1
    ) {
      this.free()
      throw new ProxyError('PTC_HANDSHAKE_FAILED', `OpenSSL does not take the name ${options.sni}`)
    }
    ssl.SSL_ctrl(handle, SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, TLSEXT_STATUSTYPE_OCSP, NULL)
    enroll(handle, this)
    enrollForSessions(handle, this)
    if (context.keyLog !== undefined) enrollForKeys(handle, context.keyLog)
  }

  /**
   * Offers a session in the ClientHello. An origin that does not take it shows its certificate and is parked as any.
   * @param _accepted the proof that what the session rests on was accepted, now or under a verdict that still holds
   */
  offer(session: OutboundSession, _accepted: VerifiedPeer): void {
    ssl.ERR_clear_error()
    this.#mayResume = ssl.SSL_set_session(this.#ssl.handle, session.handle) === 1
  }

  /** Whether the handshake was made with the session that was offered. */
  get isResumed(): boolean {
    return this.#mayResume && this.#check === undefined && ssl.SSL_session_reused(this.#ssl.handle) === 1
  }

  /** Called by OpenSSL, through session.ts. */
  onNewSession(session: OutboundSession): void {
    if (this.#keepSession !== undefined) return this.#keepSession(session)
    this.#session?.free()
    this.#session = session
  }

  /** Hands over the sessions that the origin gives out, ownership included. Only of an established engine. */
  onSession(keep: (session: OutboundSession) => void): void {
    if (!this.#isEstablished) return
    this.#keepSession = keep
    const session = this.#session
    this.#session = undefined
    if (session !== undefined) keep(session)
  }

  /** Ciphertext from the origin. */
  receive(bytes: Uint8Array): void {
    if (this.#ssl.isFreed) return
    this.#traffic.heard(bytes)
    this.#stapled?.look(bytes)
    ssl.BIO_write(this.#in, bytes, bytes.length)
  }

  /** Ciphertext for the origin: at most one flight. */
  take(): Buffer | undefined {
    return this.#ssl.isFreed ? undefined : drainBio(this.#out)
  }

  /** Goes on with the handshake as far as it can. */
  advance(): Progress {
    if (this.#isEstablished) return 'established'
    if (this.#error !== undefined) return 'failed'
    ssl.ERR_clear_error()
    const handle = this.#ssl.handle
    const returned = ssl.SSL_do_handshake(handle)
    if (returned === 1) return this.#finish()
    const why = ssl.SSL_get_error(handle, returned)
    if (why === SSL_ERROR_WANT_RETRY_VERIFY && this.#check !== undefined)
      return this.#isFlightIn ? 'parked' : 'wants-input'
    // Past the certificate OpenSSL may be only when somebody has accepted it.
    const isFine = this.#check === undefined || this.#decision === X509_V_OK
    if ((why === SSL_ERROR_WANT_READ || why === SSL_ERROR_WANT_WRITE) && isFine) return 'wants-input'
    return this.#failUnjudged('the handshake was not parked where it must be', why)
  }

  #finish(): Progress {
    if (this.#decision !== X509_V_OK && !this.isResumed)
      return this.#failUnjudged('the handshake ended before anybody accepted the certificate')
    if (!this.#isStapledAsShown())
      return this.#failUnjudged('the stapled OCSP response is not the one that was shown')
    this.#stapled = undefined
    this.#isEstablished = true
    return 'established'
  }

  /** Whether all has come that is to be shown: of an origin that breaks off its flight OpenSSL will hear the end. */
  get #isFlightIn(): boolean {
    const stapled = this.#stapled
    return stapled === undefined || !stapled.isAnnounced || stapled.isDone
  }

  /** What was found by looking ahead is what OpenSSL has read since. */
  #isStapledAsShown(): boolean {
    const stapled = this.#stapled
    if (this.#check === undefined || stapled === undefined || !stapled.isAnnounced) return true
    return (this.#ocspRead() ?? NOTHING).equals(stapled.found ?? NOTHING)
  }

  /** What OpenSSL wanted to send is dropped, but for an alert: it may be a Finished that nobody has allowed. */
  #failUnjudged(otherwise: string, why?: number): Progress {
    if (why !== SSL_ERROR_SSL) drainBio(this.#out)
    return this.#fail(otherwise)
  }

  #fail(otherwise: string): Progress {
    this.#error = takeError() ?? { reason: otherwise, alert: undefined }
    return 'failed'
  }

  /** Called by OpenSSL, through verify-callback.ts. */
  onVerify(store: Handle): VerifyAnswer {
    if (this.#decision === X509_V_OK) {
      ssl.X509_STORE_CTX_set_error(store, X509_V_OK)
      return 1
    }
    if (this.#decision === undefined) {
      this.#check ??= runBuiltInCheck(presentedTo(store), this.#options, this.#memory)
      // The check leaves its errors in the queue, where SSL_get_error would find them before the retry.
      ssl.ERR_clear_error()
      if (ssl.SSL_ctrl(this.#ssl.handle, SSL_CTRL_SET_RETRY_VERIFY, 0, NULL) === 1) return 1
    }
    ssl.X509_STORE_CTX_set_error(store, this.#decision ?? X509_V_ERR_UNSPECIFIED)
    return 0
  }

  /** What the origin has shown; only while parked. */
  peer(): ParkedPeer | undefined {
    const check = this.#check
    if (check === undefined) return undefined
    const handle = this.#ssl.handle
    const current = ssl.SSL_get_current_cipher(handle)
    // In TLS 1.2 it comes into force later than the certificate.
    const cipher = current === NULL ? ssl.SSL_get_pending_cipher(handle) : current
    return {
      protocol: ssl.SSL_get_version(handle),
      cipher: cipher === NULL ? undefined : ssl.SSL_CIPHER_get_name(cipher),
      group: this.#group(),
      alpn: this.#alpn(),
      ocspResponse: this.#ocspRead() ?? this.#stapled?.found,
      ...check, // last: docs/performance.md says what a spread in front costs
    }
  }

  #group(): string | undefined {
    const id = ssl.SSL_ctrl(this.#ssl.handle, SSL_CTRL_GET_NEGOTIATED_GROUP, 0, NULL)
    return id === 0 ? undefined : (ssl.SSL_group_to_name(this.#ssl.handle, id) ?? undefined)
  }

  #alpn(): string | undefined {
    const at: [Handle] = [NULL]
    const length: [number] = [0]
    ssl.SSL_get0_alpn_selected(this.#ssl.handle, at, length)
    return at[0] === NULL || length[0] === 0 ? undefined : ssl.copyFrom(at[0], length[0]).toString('latin1')
  }

  /** As far as OpenSSL has read: in TLS 1.2 not before the certificate is accepted. */
  #ocspRead(): Buffer | undefined {
    const at: [Handle] = [NULL]
    const length = Number(ssl.SSL_ctrl_out(this.#ssl.handle, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, at))
    return at[0] === NULL || length <= 0 ? undefined : ssl.copyFrom(at[0], length)
  }

  /**
   * The verdict. Counts once.
   * @param code 0 accepts; an X509_V_ERR number rejects, and OpenSSL picks the alert that belongs to it
   */
  decide(code: number): void {
    this.#decision ??= code
  }

  /**
   * Whether the origin of an accepted certificate has proved that it holds the key, and then has asked for a certificate of
   * ours. Of TLS 1.2 with a signed key exchange only: elsewhere the proof comes later, or with the end of the handshake.
   */
  get isProvenAndAsking(): boolean {
    const handle = this.#ssl.handle
    if (this.#decision !== X509_V_OK || ssl.SSL_get_version(handle) !== 'TLSv1.2') return false
    if (ssl.SSL_get0_peer_CA_list(handle) === NULL) return false
    const cipher = ssl.SSL_get_pending_cipher(handle)
    return cipher !== NULL && SIGNED_KEY_EXCHANGES.has(ssl.SSL_CIPHER_get_kx_nid(cipher))
  }

  /** Why `failed`. */
  get error(): OpenSslError | undefined {
    return this.#error ?? this.#traffic.error
  }

  /**
   * Plaintext from the origin, as much as there is and the memory takes.
   * @returns a view of the memory, `later` when there is none yet, `end` after the origin's close_notify, `failed` otherwise
   */
  read(into?: Plaintext): ReadResult {
    return this.#isEstablished ? this.#traffic.read(into) : 'later'
  }

  /**
   * Encrypts; the result waits in `take()`.
   * @returns `later` when OpenSSL must read first (half a NewSessionTicket is in): the rest is kept, see `retryWrite`
   */
  write(bytes: Uint8Array): WriteResult {
    return this.#isEstablished ? this.#traffic.write(bytes) : 'failed'
  }

  /** Goes on with what a `write` left; to be called after a `read`. */
  retryWrite(): WriteResult {
    return this.#traffic.retryWrite()
  }

  get hasUnsent(): boolean {
    return this.#traffic.hasUnsent
  }

  /** Puts a close_notify into `take()`. */
  shutdown(): void {
    if (this.#isEstablished) this.#traffic.shutdown()
  }

  /** Safe to call twice; never from within OpenSSL's callback. */
  free(): void {
    this.#session?.free()
    this.#ssl.free()
  }
}
