import type { BuiltInCheck, CheckedNames } from './built-in-check.js'
import type { ChainMemory } from './chain-memory.js'
import {
  NO_TICKET,
  type ProtocolOptions,
  SSL_CTRL_MODE,
  SSL_CTRL_SET_SESS_CACHE_MODE,
  SSL_VERIFY_PEER,
  setProtocol,
} from './context.js'
import { contextError } from './errors.js'
import * as ssl from './library.js'
import { type Handle, NULL, registerKeyLogCallback } from './library.js'
import { newSessionCallback } from './outbound-session.js'
import { type OwnCertificate, setCertificate } from './own-certificate.js'
import { Owned } from './owned.js'
import { requestScts } from './sct-extension.js'
import { checkSentChain } from './sent-chain.js'
import { type Trust, TrustStore, type TrustStores } from './trust-store.js'
import { originVerifyCallback } from './verify-callback.js'

/** ENABLE_PARTIAL_WRITE, ACCEPT_MOVING_WRITE_BUFFER, RELEASE_BUFFERS. */
const MODES = 0x1 | 0x2 | 0x10
/** NO_COMPRESSION, NO_RENEGOTIATION: a second handshake would pass without a verdict. */
const OPTIONS = 2 ** 17 + 2 ** 30
/** CLIENT, NO_INTERNAL: OpenSSL stores no session: it does not know under which verdict a session was made. */
const HANDS_OUT_SESSIONS = 0x1 | 0x300

/** Everything that shapes the handshakes of one context. Texts are PEM. */
export interface OutboundContextOptions extends Trust, ProtocolOptions {
  /** The certificate for origins that ask for one. It is shown only after the origin has been accepted. */
  readonly certificate?: OwnCertificate
  /** Called with the secrets of every session, as lines of an SSLKEYLOGFILE. */
  readonly keyLog?: (line: string) => void
  /** Whether sessions of origins are stored for resumption; false requests none. */
  readonly hasSessions?: boolean
  /** Protocols to offer, the preferred one first; none: no ALPN. */
  readonly alpn: readonly string[]
}

/** An SSL_CTX for handshakes with origins, and its owner. */
export class OutboundContext {
  readonly #ctx: Owned
  /** For the engine only. */
  readonly keyLog: ((line: string) => void) | undefined
  /** Chains that were found good under its trust anchors. */
  readonly memory: ChainMemory
  /** When the first of its revocation lists ends, milliseconds since the epoch; undefined without lists. */
  readonly endsAt: number | undefined
  /** Whether there is a certificate to show to origins. */
  readonly hasCertificate: boolean

  /**
   * @param stores shares stores between contexts; without it this context has a store of its own
   * @throws {ProxyError} PTC_TLS_CONTEXT, PTC_CRL_UNUSABLE; both name the setting that is not accepted
   */
  constructor(options: OutboundContextOptions, stores?: TrustStores) {
    ssl.ERR_clear_error()
    this.keyLog = options.keyLog
    this.hasCertificate = options.certificate !== undefined
    const store = stores?.of(options) ?? new TrustStore(options)
    this.memory = store.memory
    this.endsAt = store.endsAt
    try {
      this.#ctx = new Owned('SSL_CTX', ssl.SSL_CTX_new(ssl.TLS_client_method()), ssl.SSL_CTX_free)
      ssl.SSL_CTX_set1_cert_store(this.#ctx.handle, store.handle)
    } finally {
      if (stores === undefined) store.free()
    }
    try {
      this.#configure(options)
    } catch (cause) {
      this.free()
      throw cause
    }
  }

  #configure(options: OutboundContextOptions): void {
    const ctx = this.#ctx.handle
    const { hasSessions = false } = options
    ssl.SSL_CTX_set_options(ctx, hasSessions ? OPTIONS : OPTIONS + NO_TICKET)
    ssl.SSL_CTX_ctrl(ctx, SSL_CTRL_MODE, MODES, NULL)
    ssl.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_SESS_CACHE_MODE, hasSessions ? HANDS_OUT_SESSIONS : 0, NULL)
    if (this.keyLog !== undefined) ssl.SSL_CTX_set_keylog_callback(ctx, keyLogCallback())
    if (hasSessions) ssl.SSL_CTX_sess_set_new_cb(ctx, newSessionCallback())
    ssl.SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL)
    ssl.SSL_CTX_set_cert_verify_callback(ctx, originVerifyCallback(), NULL)
    setProtocol(ctx, options)
    if (options.alpn.length > 0) setAlpn(ctx, options.alpn)
    requestScts(ctx)
    if (options.certificate !== undefined) setCertificate(ctx, options.certificate)
  }

  /**
   * The built-in check of a handshake in this context, for a chain that is there as bytes.
   * @param sent DER, leaf first
   * @throws {ProxyError} PTC_HANDSHAKE_FAILED when OpenSSL cannot read a certificate
   */
  check(sent: readonly Uint8Array[], names: CheckedNames): BuiltInCheck {
    const store = ssl.SSL_CTX_get_cert_store(this.#ctx.handle)
    return checkSentChain({ handle: store, memory: this.memory }, sent, names)
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

/** Protocols as ALPN has them (RFC 7301 section 3.1). */
export const alpnWire = (protocols: readonly string[]): Buffer =>
  Buffer.concat(protocols.map(name => Buffer.from([name.length, ...Buffer.from(name, 'latin1')])))

function setAlpn(ctx: Handle, protocols: readonly string[]): void {
  const wire = alpnWire(protocols)
  // Unlike similar functions, this one returns 0 for success.
  if (ssl.SSL_CTX_set_alpn_protos(ctx, wire, wire.length) !== 0)
    throw contextError(`ALPN "${protocols.join(',')}"`)
}

/** Receivers of secrets by the `SSL*` of their engines. */
export const keyLogs = new Map<Handle, (line: string) => void>()
let keyLogRegistered: bigint | undefined

/** The C callback that OpenSSL passes the secrets of a session to. */
function keyLogCallback(): bigint {
  keyLogRegistered ??= registerKeyLogCallback((handle, line) => {
    try {
      keyLogs.get(handle)?.(line)
    } catch {
      // An exception must not reach C. A lost line makes a capture unreadable; it does no other harm.
    }
  })
  return keyLogRegistered
}
