import type { BuiltInCheck, CheckedNames } from './built-in-check.js'
import type { ChainMemory } from './chain-memory.js'
import { contextError } from './errors.js'
import * as ssl from './library.js'
import { type Handle, NULL, registerKeyLogCallback } from './library.js'
import { newSessionCallback } from './outbound-session.js'
import { must, type OwnCertificate, setCertificate } from './own-certificate.js'
import { Owned } from './owned.js'
import { requestScts } from './sct-extension.js'
import { checkSentChain } from './sent-chain.js'
import { type Trust, TrustStore, type TrustStores } from './trust-store.js'
import { originVerifyCallback } from './verify-callback.js'

const SSL_VERIFY_PEER = 1
const SSL_CTRL_MODE = 33
const SSL_CTRL_SET_SESS_CACHE_MODE = 44
const SSL_CTRL_SET_GROUPS_LIST = 92
const SSL_CTRL_SET_MIN_PROTO_VERSION = 123
const SSL_CTRL_SET_MAX_PROTO_VERSION = 124
/** ENABLE_PARTIAL_WRITE, ACCEPT_MOVING_WRITE_BUFFER, RELEASE_BUFFERS. */
const MODES = 0x1 | 0x2 | 0x10
/** NO_COMPRESSION, NO_RENEGOTIATION: a second handshake would pass without a verdict. */
const OPTIONS = 2 ** 17 + 2 ** 30
const NO_TICKET = 2 ** 14
/** CLIENT, NO_INTERNAL: OpenSSL stores no session: it does not know under which verdict a session was made. */
const HANDS_OUT_SESSIONS = 0x1 | 0x300
const SECURITY_LEVEL = 2

export const TLS_VERSIONS = { 'TLSv1.2': 0x303, 'TLSv1.3': 0x304 } as const
export type TlsVersion = keyof typeof TLS_VERSIONS

/** Everything that shapes the handshakes of one context. Texts are PEM. */
export interface OutboundContextOptions extends Trust {
  /** The certificate for origins that ask for one. It is shown only after the origin has been accepted. */
  readonly certificate?: OwnCertificate
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  /** OpenSSL cipher list for TLS 1.2. */
  readonly ciphers?: string
  /** Cipher suites for TLS 1.3. */
  readonly cipherSuites?: string
  readonly groups?: string
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
    ssl.SSL_CTX_set_security_level(ctx, SECURITY_LEVEL)
    ssl.SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL)
    ssl.SSL_CTX_set_cert_verify_callback(ctx, originVerifyCallback(), NULL)
    const { minVersion, maxVersion, ciphers, cipherSuites, groups, alpn } = options
    must(ssl.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS_VERSIONS[minVersion], NULL), minVersion)
    must(ssl.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MAX_PROTO_VERSION, TLS_VERSIONS[maxVersion], NULL), maxVersion)
    if (ciphers !== undefined) must(ssl.SSL_CTX_set_cipher_list(ctx, ciphers), `cipher list "${ciphers}"`)
    // Set again: the cipher list may contain @SECLEVEL=0, which would allow suites without a certificate.
    ssl.SSL_CTX_set_security_level(ctx, SECURITY_LEVEL)
    if (cipherSuites !== undefined)
      must(ssl.SSL_CTX_set_ciphersuites(ctx, cipherSuites), `suites "${cipherSuites}"`)
    if (groups !== undefined) {
      must(ssl.SSL_CTX_ctrl_text(ctx, SSL_CTRL_SET_GROUPS_LIST, 0, groups), groupsText(groups))
    }
    if (alpn.length > 0) setAlpn(ctx, alpn)
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

function groupsText(groups: string): string {
  const hint = groups.includes('*') ? ' (the * before a group needs OpenSSL 3.5, which Node 24 carries)' : ''
  return `groups list "${groups}"${hint}`
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
