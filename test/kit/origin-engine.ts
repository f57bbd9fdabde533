import type { Progress } from '../../core/tls/openssl/engine.js'
import {
  SSL_new_session_ticket,
  SSL_set_accept_state,
  SSL_set_session_id_context,
  TLS_server_method,
} from '../../core/tls/openssl/inbound-library.js'
import { koffi } from '../../core/tls/openssl/koffi.js'
import * as ssl from '../../core/tls/openssl/library.js'
import { type Handle, NULL } from '../../core/tls/openssl/library.js'
import { withBio } from '../../core/tls/openssl/memory-bio.js'
import type { OutboundEngine } from '../../core/tls/openssl/outbound-engine.js'
import { TrustStore } from '../../core/tls/openssl/trust-store.js'
import { PeerEngine } from './peer-engine.js'

const SSL_renegotiate: (s: Handle) => number = koffi.load(null).func('int SSL_renegotiate(uintptr_t s)')

const SSL_CTX_up_ref: (ctx: Handle) => number = koffi.load(null).func('int SSL_CTX_up_ref(uintptr_t ctx)')

const SSL_CTRL_SET_MAX_SEND_FRAGMENT = 52
const SSL_CTRL_SET_MAX_PROTO_VERSION = 124
const SSL_VERIFY_PEER = 1
/** An encrypted record that no TLS peer has made. */
const FORGED = Buffer.concat([Buffer.from([23, 3, 3, 0, 40]), Buffer.alloc(40, 7)])

export interface OriginEngineOptions {
  readonly certPem?: string
  readonly keyPem?: string
  readonly version: '1.2' | '1.3'
  readonly ciphers?: string
  /** Asks for a certificate of our side that this authority has issued. */
  readonly clientCaPem?: string
}

/** An origin's TLS. It can put an alert right behind data, send half of a message, or ask for an answer by TLS itself. */
export class OriginEngine extends PeerEngine {
  #isDone = false

  /** @param ctx the SSL_CTX of these options, which the engine owns from now on */
  constructor(options: OriginEngineOptions, ctx = makeContext(options)) {
    super(ctx)
    SSL_set_session_id_context(this.ssl, Buffer.from('test'), 4)
    SSL_set_accept_state(this.ssl)
  }

  /** Whether the Finished of our engine has come. */
  get isDone(): boolean {
    return this.#isDone
  }

  override advance(): boolean {
    if (super.advance()) this.#isDone = true
    return this.#isDone
  }

  /** Puts a close_notify behind what `take` will return. */
  close(): void {
    ssl.ERR_clear_error()
    ssl.SSL_shutdown(this.ssl)
  }

  /** Puts a fatal alert behind what `take` will return, by receiving a forged record. */
  fail(): void {
    this.receive(FORGED)
    this.read()
  }

  /** Sends what our engine has to answer by TLS itself: in TLS 1.3 a KeyUpdate, in TLS 1.2 a HelloRequest. */
  demandAnswer(version: '1.2' | '1.3'): void {
    if (version === '1.3') return this.updateKey(true)
    ssl.ERR_clear_error()
    SSL_renegotiate(this.ssl)
    ssl.SSL_do_handshake(this.ssl)
  }

  /** Sends a NewSessionTicket in records of at most 512 bytes. */
  sendTicket(): void {
    ssl.ERR_clear_error()
    ssl.SSL_ctrl(this.ssl, SSL_CTRL_SET_MAX_SEND_FRAGMENT, 512, NULL)
    SSL_new_session_ticket(this.ssl)
    ssl.SSL_do_handshake(this.ssl)
  }
}

const shared = new WeakMap<OriginEngineOptions, Handle>()

/**
 * Another reference to the one context of these options: to read a key takes longer than all else that an engine does. For
 * engines that issue no sessions.
 */
export function sharedContext(options: OriginEngineOptions): Handle {
  const ctx = shared.get(options) ?? makeContext(options)
  shared.set(options, ctx)
  SSL_CTX_up_ref(ctx)
  return ctx
}

function makeContext({ certPem, keyPem, version, ciphers, clientCaPem }: OriginEngineOptions): Handle {
  const ctx = ssl.SSL_CTX_new(TLS_server_method())
  ssl.SSL_CTX_set_security_level(ctx, 0)
  ssl.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MAX_PROTO_VERSION, version === '1.2' ? 0x303 : 0x304, NULL)
  if (ciphers !== undefined) ssl.SSL_CTX_set_cipher_list(ctx, ciphers)
  if (certPem !== undefined) withX509(certPem, x509 => ssl.SSL_CTX_use_certificate(ctx, x509))
  if (keyPem !== undefined) {
    const key = withBio(Buffer.from(keyPem), bio => ssl.PEM_read_bio_PrivateKey(bio, NULL, NULL, ''))
    ssl.SSL_CTX_use_PrivateKey(ctx, key)
    ssl.EVP_PKEY_free(key)
  }
  if (clientCaPem !== undefined) {
    const trust = new TrustStore({ anchors: [clientCaPem] })
    ssl.SSL_CTX_set1_cert_store(ctx, trust.handle)
    trust.free()
    ssl.SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL)
  }
  return ctx
}

function withX509(pem: string, use: (x509: Handle) => unknown): void {
  const x509 = withBio(Buffer.from(pem), bio => ssl.PEM_read_bio_X509(bio, NULL, NULL, ''))
  use(x509)
  ssl.X509_free(x509)
}

/** Runs the handshake until neither side can continue; `verdict` is what the certificate gets. */
export function shake(engine: OutboundEngine, origin: OriginEngine, verdict = 0): Progress<'parked'> {
  for (;;) {
    const progress = engine.advance()
    const up = engine.take()
    origin.receive(up)
    if (progress === 'parked') {
      engine.decide(verdict)
      continue
    }
    origin.advance()
    const down = origin.take()
    engine.receive(down)
    if (up === undefined && down.length === 0) return progress
  }
}
