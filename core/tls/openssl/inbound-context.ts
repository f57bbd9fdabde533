import {
  must,
  NO_TICKET,
  type ProtocolOptions,
  SSL_CTRL_MODE,
  SSL_CTRL_SET_SESS_CACHE_MODE,
  SSL_VERIFY_PEER,
  setProtocol,
} from './context.js'
import type { Crls } from './crl.js'
import { contextError } from './errors.js'
import { gateCallbacks } from './hello-callback.js'
import * as server from './inbound-library.js'
import { type RemovalSubject, removalSubjects, sessionCallbacks } from './inbound-sessions.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { type OwnCertificate, setCertificate, withX509 } from './own-certificate.js'
import { Owned } from './owned.js'
import { ticketCallbacks } from './session-age.js'
import { TrustStore } from './trust-store.js'
import { clientVerifyCallback } from './verify-callback.js'

const SSL_VERIFY_NONE = 0
const SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2
/** ENABLE_PARTIAL_WRITE, ACCEPT_MOVING_WRITE_BUFFER, NO_AUTO_CHAIN, RELEASE_BUFFERS. */
const MODES = 0x1 | 0x2 | 0x8 | 0x10
/** NO_COMPRESSION, CIPHER_SERVER_PREFERENCE, NO_RENEGOTIATION. */
const OPTIONS = 2 ** 17 + 2 ** 22 + 2 ** 30
/** SERVER, NO_INTERNAL: OpenSSL itself stores no session. */
const ASKS_FOR_SESSIONS = 0x2 | 0x300

/** Whether clients must show certificates. */
export interface ClientCertificates {
  /** `none`: no request for one. `optional`: a certificate that is shown must be good. `required`: one must be shown. */
  readonly level: 'none' | 'optional' | 'required'
  /** The authorities that may issue them, PEM, one certificate each. */
  readonly anchors: readonly string[]
  /** Revocation lists for the certificates of the verified path. */
  readonly crls?: Crls
}

export interface InboundContextOptions extends Partial<ProtocolOptions> {
  /** One for each type of key; none when another context replaces this one before a certificate is shown. */
  readonly certificates: readonly OwnCertificate[]
  readonly clientCertificates?: ClientCertificates | undefined
  /** Stores the sessions, and removes them. Without it, clients get tickets. */
  readonly sessions?: RemovalSubject | undefined
  /** A digest of everything that a handshake depends on: sessions resume only under the same digest. At most 32 bytes. */
  readonly sessionContext: Buffer
  /** Seconds for which a session can be resumed. */
  readonly sessionTimeout: number
}

/** An SSL_CTX for handshakes with clients, and its owner. */
export class InboundContext {
  readonly #ctx: Owned
  readonly hasSessions: boolean

  /** @throws {ProxyError} PTC_TLS_CONTEXT that names the setting that OpenSSL does not accept */
  constructor(options: InboundContextOptions) {
    ssl.ERR_clear_error()
    this.hasSessions = options.sessions !== undefined
    this.#ctx = new Owned('SSL_CTX', ssl.SSL_CTX_new(server.TLS_server_method()), ctx => {
      removalSubjects.delete(ctx) // before SSL_CTX_free: the address may be used for a new object
      ssl.SSL_CTX_free(ctx)
    })
    try {
      this.#configure(options)
    } catch (cause) {
      this.free()
      throw cause
    }
  }

  #configure({ certificates, clientCertificates, sessions, ...options }: InboundContextOptions): void {
    const ctx = this.#ctx.handle
    // Sessions that are stored here have ids instead of tickets, also in TLS 1.3: their contents stay here.
    ssl.SSL_CTX_set_options(ctx, sessions === undefined ? OPTIONS : OPTIONS + NO_TICKET)
    ssl.SSL_CTX_ctrl(ctx, SSL_CTRL_MODE, MODES, NULL)
    setProtocol(ctx, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', ...options })
    const { hello, certificate, alpn } = gateCallbacks()
    server.SSL_CTX_set_client_hello_cb(ctx, hello, NULL)
    server.SSL_CTX_set_cert_cb(ctx, certificate, NULL)
    server.SSL_CTX_set_alpn_select_cb(ctx, alpn, NULL)
    const { sessionContext, sessionTimeout } = options
    must(
      server.SSL_CTX_set_session_id_context(ctx, sessionContext, sessionContext.length),
      'session id context',
    )
    server.SSL_CTX_set_timeout(ctx, sessionTimeout)
    // OpenSSL would send TLS 1.3 tickets in the handshake, also to clients that are refused after it. The engine makes them later.
    must(server.SSL_CTX_set_num_tickets(ctx, 0), 'number of tickets')
    const tickets = ticketCallbacks()
    must(server.SSL_CTX_set_session_ticket_cb(ctx, tickets.made, tickets.read, NULL), 'ticket callbacks')
    // Also without the callbacks: OpenSSL's own cache must hold no session.
    ssl.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_SESS_CACHE_MODE, ASKS_FOR_SESSIONS, NULL)
    if (sessions !== undefined) this.#askForSessions(ctx, sessions)
    for (const certificate of certificates) setCertificate(ctx, certificate)
    if (clientCertificates !== undefined) requestCertificates(ctx, clientCertificates)
    else ssl.SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL)
  }

  #askForSessions(ctx: Handle, sessions: RemovalSubject): void {
    const callbacks = sessionCallbacks()
    ssl.SSL_CTX_sess_set_new_cb(ctx, callbacks.new)
    server.SSL_CTX_sess_set_get_cb(ctx, callbacks.get)
    server.SSL_CTX_sess_set_remove_cb(ctx, callbacks.remove)
    removalSubjects.set(ctx, sessions)
  }

  /** For the engine only. */
  get handle(): Handle {
    return this.#ctx.handle
  }

  /** Safe to call twice. Handshakes in flight keep their references. */
  free(): void {
    this.#ctx.free()
  }
}

const VERIFY = {
  none: SSL_VERIFY_NONE,
  optional: SSL_VERIFY_PEER,
  required: SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
} as const

function requestCertificates(ctx: Handle, { level, anchors, crls }: ClientCertificates): void {
  ssl.SSL_CTX_set_verify(ctx, VERIFY[level], NULL)
  ssl.SSL_CTX_set_cert_verify_callback(ctx, clientVerifyCallback(), NULL)
  if (anchors.length === 0) throw contextError('no authority for the certificates of clients')
  const store = new TrustStore({ anchors, ...(crls && { crls }) })
  ssl.SSL_CTX_set1_cert_store(ctx, store.handle)
  store.free() // the context has a reference of its own
  for (const [i, pem] of anchors.entries()) {
    const what = `authority ${i + 1} for the certificates of clients`
    withX509(pem, what, x509 => must(server.SSL_CTX_add_client_CA(ctx, x509), what))
  }
}
