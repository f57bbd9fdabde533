/**
 * A TLS server that can wait at the ClientHello and where it shows its certificate: bytes in, bytes out, no socket.
 *
 *     advance()  wants-input -> hello --goOn()--> wants-input -> certificate --goOn()--> wants-input -> established
 *
 * It never gets past a gate by itself: `established` needs a goOn() for the hello, and one for the certificate unless the
 * client resumes a session that was given to `provide`, or holds a ticket. A second ClientHello (after a
 * HelloRetryRequest) does not park again.
 *
 * What `advance` made on the way to `established` stays inside until `release` or `reject`: in TLS 1.2 a client whose
 * certificate is rejected gets no Finished.
 *
 * Longer than 250 lines because all calls on one `SSL*` are in one place.
 */
import { ProxyError } from '../../base/errors.js'
import { type OpenSslError, takeError } from './errors.js'
import { Established, type ReadResult, type WriteResult } from './established.js'
import { dismissInbound, enrollInbound, type GateAnswer, type InboundSubject } from './hello-callback.js'
import { type HelloFacts, readHelloFacts } from './hello-facts.js'
import type { InboundContext } from './inbound-context.js'
import * as server from './inbound-library.js'
import {
  dismissSessions,
  enrollSessions,
  parseSession,
  type SessionSubject,
  type WantedSession,
} from './inbound-sessions.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { drainBio, newMemoryBio } from './memory-bio.js'
import { Owned } from './owned.js'
import { borrowPlaintext, type Plaintext, returnPlaintext } from './plaintext.js'
import { stampSession } from './session-age.js'
import { derOfStack, derOfX509 } from './x509.js'

const SSL_ERROR_WANT_READ = 2
const SSL_ERROR_WANT_WRITE = 3
const SSL_ERROR_WANT_X509_LOOKUP = 4
const SSL_ERROR_WANT_CLIENT_HELLO_CB = 11
const SENT_AND_RECEIVED_SHUTDOWN = 3
const BIO_CTRL_RESET = 1
/** As many as OpenSSL would send: a client may want to open two connections at once. */
const NEW_TICKETS = 2
/** An encrypted record that nobody has made. */
const FORGED = Buffer.concat([Buffer.from([23, 3, 3, 0, 40]), Buffer.alloc(40)])

export type InboundProgress = 'wants-input' | 'hello' | 'certificate' | 'established' | 'failed'

/** A session that this handshake has made, as bytes. */
export interface MadeSession {
  readonly id: Buffer
  readonly session: Buffer
}

/** What was agreed, and what the client has shown. */
export interface InboundOutcome {
  readonly protocol: string
  readonly cipher: string
  readonly alpn: string | undefined
  readonly isResumed: boolean
  /** DER, leaf first; empty when the client has shown none. Of a resumed session the leaf alone. */
  readonly chain: readonly Buffer[]
}

type Gate = 'ahead' | 'parked' | 'passed'

export class InboundEngine implements InboundSubject, SessionSubject {
  readonly #ssl: Owned
  /** Owned by the SSL, freed with it. */
  readonly #in: Handle
  readonly #out: Handle
  readonly #alpn: readonly string[]
  readonly #plain = new Established(() => this.#ssl.handle)
  #hello: Gate = 'ahead'
  #certificate: Gate = 'ahead'
  #facts: HelloFacts | undefined
  #provided: Owned | undefined
  #made: MadeSession[] = []
  #isEstablished = false
  #isReleased = false
  #isRejected = false
  #error: OpenSslError | undefined

  /**
   * @param context decides about sessions and the certificates of clients; what is shown may come from another one
   * @param alpn what is spoken, the preferred protocol first
   */
  constructor(context: InboundContext, alpn: readonly string[]) {
    ssl.ERR_clear_error()
    this.#alpn = alpn
    this.#ssl = new Owned('SSL', ssl.SSL_new(context.handle), handle => {
      // Without a close_notify OpenSSL would have the session forgotten, though nothing is wrong with it.
      if (this.#isReleased && !this.#isRejected && this.#plain.error === undefined)
        server.SSL_set_shutdown(handle, SENT_AND_RECEIVED_SHUTDOWN)
      dismissInbound(handle)
      dismissSessions(handle)
      ssl.SSL_free(handle)
    })
    const handle = this.#ssl.handle
    this.#in = newMemoryBio()
    this.#out = newMemoryBio()
    ssl.SSL_set_bio(handle, this.#in, this.#out)
    server.SSL_set_accept_state(handle)
    enrollInbound(handle, this)
    enrollSessions(handle, this)
  }

  /** Ciphertext from the client. */
  receive(bytes: Uint8Array): void {
    if (this.#ssl.isFreed) return
    this.#plain.heard(bytes)
    ssl.BIO_write(this.#in, bytes, bytes.length)
  }

  /** Ciphertext for the client; nothing between `established` and `release`. */
  take(): Buffer | undefined {
    return this.#ssl.isFreed || this.#isHeld ? undefined : drainBio(this.#out)
  }

  get #isHeld(): boolean {
    return this.#isEstablished && !this.#isReleased && !this.#isRejected
  }

  /** Goes on with the handshake as far as it can. */
  advance(): InboundProgress {
    if (this.#isEstablished) return 'established'
    if (this.#error !== undefined) return 'failed'
    ssl.ERR_clear_error()
    const handle = this.#ssl.handle
    const returned = ssl.SSL_do_handshake(handle)
    if (returned === 1) return this.#finish()
    const why = ssl.SSL_get_error(handle, returned)
    if (why === SSL_ERROR_WANT_CLIENT_HELLO_CB && this.#hello === 'parked') return 'hello'
    if (why === SSL_ERROR_WANT_X509_LOOKUP && this.#certificate === 'parked') return 'certificate'
    if (why === SSL_ERROR_WANT_READ || why === SSL_ERROR_WANT_WRITE) return 'wants-input'
    return this.#fail('the handshake was not parked where it must be')
  }

  #finish(): InboundProgress {
    const isResumed = ssl.SSL_session_reused(this.#ssl.handle) === 1
    if (this.#hello !== 'passed' || (this.#certificate !== 'passed' && !isResumed)) {
      drainBio(this.#out)
      return this.#fail('the handshake ended before anybody let it go on')
    }
    this.#isEstablished = true
    return 'established'
  }

  #fail(otherwise: string): 'failed' {
    this.#error = takeError() ?? { reason: otherwise, alert: undefined }
    return 'failed'
  }

  /** Called by OpenSSL, through hello-callback.ts, as the two below. */
  onHello(): GateAnswer {
    if (this.#hello === 'passed') return 1
    this.#facts ??= readHelloFacts(this.#ssl.handle)
    this.#hello = 'parked'
    return -1
  }

  onCertificate(): GateAnswer {
    if (this.#certificate === 'passed') return 1
    this.#certificate = 'parked'
    return -1
  }

  onAlpn(offered: readonly string[]): number | undefined {
    const chosen = this.#alpn.map(name => offered.indexOf(name)).find(index => index !== -1)
    return chosen
  }

  /** What the client has said; while parked at the hello. */
  get facts(): HelloFacts | undefined {
    return this.#facts
  }

  /** Shows the certificate of this context; while parked. */
  show(context: InboundContext): void {
    if (server.SSL_set_SSL_CTX(this.#ssl.handle, context.handle) === NULL) this.#fail('out of memory')
  }

  /**
   * Sessions are resumed, and made, under this context instead of that of the certificates shown; while parked at the
   * hello.
   * @param context at most 32 bytes
   * @throws {ProxyError} PTC_INTERNAL
   */
  limitSessions(context: Buffer): void {
    if (server.SSL_set_session_id_context(this.#ssl.handle, context, context.length) === 1) return
    ssl.ERR_clear_error()
    throw new ProxyError('PTC_INTERNAL', 'OpenSSL does not take the context of sessions')
  }

  /**
   * A session that the client has offered; while parked at the hello.
   * @returns false when the bytes hold no such session
   */
  provide(session: Uint8Array, wanted: WantedSession): boolean {
    const parsed = parseSession(session, wanted)
    if (parsed === undefined) return false
    this.#provided?.free()
    this.#provided = parsed
    return true
  }

  /** Takes back what was provided. */
  withdraw(): void {
    this.#provided?.free()
    this.#provided = undefined
  }

  /** Called by OpenSSL, through session-callbacks.ts, as the one below. */
  onGetSession(id: Buffer): Handle {
    const provided = this.#provided
    if (provided === undefined || provided.isFreed) return NULL
    const length: [number] = [0]
    const at = server.SSL_SESSION_get_id(provided.handle, length)
    return at !== NULL && ssl.copyFrom(at, length[0]).equals(id) ? provided.handle : NULL
  }

  onNewSession(id: Buffer, session: Buffer): void {
    this.#made.push({ id, session })
  }

  /** The sessions made since it was asked last. */
  takeSessions(): readonly MadeSession[] {
    return this.#made.splice(0)
  }

  /** Lets the gate open at which it is parked. */
  goOn(): void {
    if (this.#hello === 'parked') {
      this.#hello = 'passed'
      this.#facts = undefined // as large as the client likes; nobody needs them any more
    } else if (this.#certificate === 'parked') this.#certificate = 'passed'
  }

  /** Only when established. */
  outcome(): InboundOutcome {
    const handle = this.#ssl.handle
    const cipher = ssl.SSL_get_current_cipher(handle)
    const leaf = server.SSL_get0_peer_certificate(handle)
    const chain =
      leaf === NULL ? [] : [derOfX509(leaf), ...derOfStack(server.SSL_get_peer_cert_chain(handle))]
    const at: [Handle] = [NULL]
    const length: [number] = [0]
    ssl.SSL_get0_alpn_selected(handle, at, length)
    return {
      protocol: ssl.SSL_get_version(handle),
      cipher: cipher === NULL ? '' : ssl.SSL_CIPHER_get_name(cipher),
      alpn: at[0] === NULL || length[0] === 0 ? undefined : ssl.copyFrom(at[0], length[0]).toString('latin1'),
      isResumed: ssl.SSL_session_reused(handle) === 1,
      chain,
    }
  }

  /** The established connection may be used; in TLS 1.3 sessions are made now, and not before. */
  release(): void {
    if (!this.#isEstablished || this.#isReleased) return
    this.#isReleased = true
    const handle = this.#ssl.handle
    if (ssl.SSL_get_version(handle) !== 'TLSv1.3') return
    stampSession(server.SSL_get_session(handle))
    const count = ssl.SSL_session_reused(handle) === 1 ? 1 : NEW_TICKETS
    for (let i = 0; i < count; i++) server.SSL_new_session_ticket(handle)
    ssl.SSL_do_handshake(handle) // without it they would wait for the first write
    ssl.ERR_clear_error()
  }

  /**
   * The established connection may not be used.
   * @returns whether the client is still without a Finished of ours and reads plaintext: then an alert is the caller's
   */
  reject(): 'plain' | 'sealed' {
    const { protocol, isResumed } = this.outcome()
    if (protocol === 'TLSv1.2' && !isResumed) {
      drainBio(this.#out)
      return 'plain'
    }
    // The one way to have OpenSSL send a fatal alert now, and forget the session: it is bad_record_mac. What the client
    // has sent already is not looked at.
    ssl.BIO_ctrl(this.#in, BIO_CTRL_RESET, 0, NULL)
    this.receive(FORGED)
    this.#isRejected = true
    const memory = borrowPlaintext()
    this.#plain.read(memory)
    returnPlaintext(memory)
    return 'sealed'
  }

  get error(): OpenSslError | undefined {
    return this.#error ?? this.#plain.error
  }

  read(into?: Plaintext): ReadResult {
    return this.#isReleased ? this.#plain.read(into) : 'later'
  }

  write(bytes: Uint8Array): WriteResult {
    return this.#isReleased ? this.#plain.write(bytes) : 'failed'
  }

  retryWrite(): WriteResult {
    return this.#plain.retryWrite()
  }

  get hasUnsent(): boolean {
    return this.#plain.hasUnsent
  }

  shutdown(): void {
    if (this.#isReleased) this.#plain.shutdown()
  }

  /** Safe to call twice; never from within OpenSSL's callback. */
  free(): void {
    this.#provided?.free()
    this.#ssl.free()
  }
}
