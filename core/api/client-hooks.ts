import { types } from 'node:util'
import { ProxyError } from '../base/errors.js'
import type { Certificate } from './certificate.js'
import type { Parked } from './parked.js'
import type { VConn } from './vconn.js'

/** A client's handshake is parked until `reenable`. */
export interface ParkedClient extends Parked {
  /** The name the client asks for; undefined when it sends no name. */
  readonly sni: string | undefined
}

/** What a client has said in its ClientHello (RFC 8446 section 4.1.2). */
export interface ClientHelloFacts {
  /** Protocols offered by ALPN, in the client's order. */
  readonly alpn: readonly string[]
  /** Versions offered, in the client's order: `TLSv1.3`, `TLSv1.2`, …; those without a name as `0x7f1c`. */
  readonly versions: readonly string[]
  /** Cipher suites by their numbers, in the client's order. */
  readonly ciphers: readonly number[]
  /** Extensions by their numbers, in the client's order. */
  readonly extensions: readonly number[]
  /** What is in an extension, if it is there. */
  readonly extension: (number: number) => Buffer | undefined
  /** The handshake message as it came, without the headers of its records. */
  readonly raw: Buffer
}

/** What a continuation on TS_SSL_CLIENT_HELLO_HOOK receives. A rejection refuses the handshake with an alert. */
export interface ClientHelloEvent extends ParkedClient, ClientHelloFacts {}

/** What a continuation on TS_SSL_SERVERNAME_HOOK receives. It does not park. */
export interface ServernameEvent {
  readonly vconn: VConn
  readonly sni: string | undefined
}

/** A certificate with its issuers, and its key, PEM. */
export interface CertificatePems {
  readonly cert: string
  readonly key: string
}

/** What a continuation on TS_SSL_CERT_HOOK receives. Not called when a session is resumed: no certificate is shown then. */
export interface CertEvent extends ParkedClient {
  /**
   * Shows this certificate instead of the one that ssl_multicert.config says; the last call counts.
   * @param certificate a name, which selects as if the client had asked for it; or PEM
   * @throws {ProxyError} PTC_PLUGIN_CALL when no certificate is for the name, or the wait is over; PTC_TLS_CONTEXT when
   *   the PEM is no good. In a worker the first and the last are found out when the answer has arrived, and are then a
   *   failure of the plugin: the handshake is refused
   */
  readonly use: (certificate: string | CertificatePems) => void
}

/** A client offers to resume a session; its handshake is parked until the session is there, or is not. */
export interface SessionGetEvent extends ParkedClient {
  readonly op: 'get'
  /** TLS 1.2: the session id; TLS 1.3: the identity of the ticket. */
  readonly id: Buffer
  /**
   * Hands over the session that a `new` event carried, before `reenable`. Then later plugins are not asked.
   * @returns false when these bytes are no session of this id: it costs a full handshake. In a worker true for any bytes
   *   while the wait lasts; what is no session of this id is found out, and logged, when the answer has arrived
   */
  readonly provide: (session: Uint8Array) => boolean
}

/** A handshake has made a session. Its bytes are a secret: they decrypt what is sent under it. */
export interface SessionNewEvent {
  readonly op: 'new'
  readonly vconn: VConn
  readonly sni: string | undefined
  readonly id: Buffer
  readonly session: Buffer
  /** Milliseconds for which it can be resumed. */
  readonly lifetime: number
}

/** A session is not to be used again. */
export interface SessionRemoveEvent {
  readonly op: 'remove'
  readonly id: Buffer
}

/** What a continuation on TS_SSL_SESSION_HOOK receives. Only `get` parks; a rejection there means: no session. */
export type SessionEvent = SessionGetEvent | SessionNewEvent | SessionRemoveEvent

/**
 * What a continuation on TS_SSL_VERIFY_CLIENT_HOOK receives, for every client that has shown a certificate which passed
 * the built-in check. The handshake is done, and no byte of the client's is read before `reenable`.
 */
export interface VerifyClientEvent extends ParkedClient {
  /** As sent by the client, leaf first. In a resumed session the leaf alone. */
  readonly chain: readonly Certificate[]
  readonly isResumed: boolean
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly protocol: string
  /** The cipher suite by OpenSSL's name. */
  readonly cipher: string
  readonly alpn: string | undefined
}

/** Characters of a chain, or of a key. */
const MAX_PEM = 1_048_576

/**
 * What a plugin gives to `use`, read once: one in plain JavaScript may pass anything, also what throws, or changes later.
 * @throws {ProxyError} PTC_PLUGIN_CALL
 */
export function readCertificate(given: unknown): string | CertificatePems {
  if (isPem(given)) return given
  const { cert, key } = fieldsOf(given)
  if (isPem(cert) && isPem(key)) return { cert, key }
  throw new ProxyError('PTC_PLUGIN_CALL', 'use takes a name, or { cert, key } in PEM')
}

export const isPem = (value: unknown): value is string => typeof value === 'string' && value.length <= MAX_PEM

function fieldsOf(given: unknown): { readonly cert?: unknown; readonly key?: unknown } {
  try {
    if (typeof given !== 'object' || given === null) return {}
    const { cert, key } = given as { readonly cert?: unknown; readonly key?: unknown }
    return { cert, key }
  } catch {
    return {}
  }
}

/** A session holds the certificates of its client. */
const MAX_SESSION = 1_048_576

/** Whether what a plugin provides can be a session; it may be anything, also what throws when it is asked what it is. */
export const isSessionBytes = (given: unknown): given is Uint8Array =>
  types.isUint8Array(given) && given.byteLength <= MAX_SESSION
