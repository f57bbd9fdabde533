/**
 * Limits of sessions with clients that OpenSSL does not enforce: a chain of resumptions ends a day after its first
 * handshake, and when the first certificate of the client's verified path expires. TLS 1.3 makes a new session at each
 * resumption, which restarts OpenSSL's own limit each time; and the path is not verified again: a session holds the leaf alone.
 */

import { ProxyError } from '../../base/errors.js'
import { timeOf } from './asn1-time.js'
import * as server from './inbound-library.js'
import * as ssl from './library.js'
import { type Callback, type Handle, NULL } from './library.js'

const LONGEST_CHAIN = 86_400
/** Two numbers of 8 bytes: the start and the end, in seconds since 1970. */
const STAMP_BYTES = 16
/** The end where the client has shown no certificate. */
const NEVER = 2n ** 64n - 1n

/** The decision about a ticket (SSL_TICKET_RETURN). */
const IGNORE_AND_RENEW = 2
const USE = 3
const USE_AND_RENEW = 4
/** OpenSSL's result for a ticket (SSL_TICKET_STATUS). */
const IS_GOOD = 5
const IS_GOOD_AND_OLD = 6

interface Stamp {
  /** Seconds since 1970. */
  readonly begun: number
  /** When the client's certificates stop being valid, in seconds since 1970; undefined without certificates. */
  readonly end: number | undefined
}

/** Writes the start of a chain of resumptions into its first session; a resumed session already has it. */
export function stampSession(session: Handle): void {
  if (session !== NULL && stampOf(session) === undefined) write(session, NEVER)
}

/**
 * The same for the session of a client whose certificate has been verified, with the end of its path.
 * @param path X509, leaf first, the anchor included
 * @param listsEnd when the first revocation list ends by which it was verified, in milliseconds since 1970
 * @throws {ProxyError} PTC_INTERNAL when the path has no end that can be read, or the session cannot hold it
 */
export function stampVerified(session: Handle, path: readonly Handle[], listsEnd: number): void {
  const ends = path.map(x509 => timeOf(ssl.X509_get0_notAfter(x509)))
  const end = Math.floor(Math.min(...ends, listsEnd) / 1000)
  if (session === NULL || !Number.isFinite(end) || end < 0 || !write(session, BigInt(end)))
    throw new ProxyError('PTC_INTERNAL', "the end of a client's certificates cannot be stored")
}

function write(session: Handle, end: bigint): boolean {
  const stamp = Buffer.alloc(STAMP_BYTES)
  stamp.writeBigUInt64BE(BigInt(nowInSeconds()))
  stamp.writeBigUInt64BE(end, 8)
  return server.SSL_SESSION_set1_ticket_appdata(session, stamp, STAMP_BYTES) === 1
}

/**
 * When the first certificate of the client's verified path expires, in milliseconds since 1970; also in a resumed session.
 * Undefined in a session that does not say so.
 */
export function verifiedUntil(session: Handle): number | undefined {
  const end = session === NULL ? undefined : stampOf(session)?.end
  return end === undefined ? undefined : end * 1000
}

/** Whether it may still be resumed. A session with a certificate must say when the verified path ends. */
export function isYoung(session: Handle): boolean {
  const stamp = stampOf(session)
  const hasCertificate = server.SSL_SESSION_get0_peer(session) !== NULL
  if (stamp === undefined) return !hasCertificate
  if (nowInSeconds() - stamp.begun > LONGEST_CHAIN) return false
  return stamp.end === undefined ? !hasCertificate : nowInSeconds() < stamp.end
}

function stampOf(session: Handle): Stamp | undefined {
  const at: [Handle] = [NULL]
  const length: [number | bigint] = [0]
  if (server.SSL_SESSION_get0_ticket_appdata(session, at, length) !== 1 || at[0] === NULL) return undefined
  if (Number(length[0]) !== STAMP_BYTES) return undefined
  const stamp = ssl.copyFrom(at[0], STAMP_BYTES)
  const end = stamp.readBigUInt64BE(8)
  return { begun: Number(stamp.readBigUInt64BE()), end: end === NEVER ? undefined : Number(end) }
}

const nowInSeconds = (): number => Math.floor(Date.now() / 1000)

let registered: { readonly made: Callback; readonly read: Callback } | undefined

/** The C callbacks about tickets; an exception in them means that the ticket is not used. */
export function ticketCallbacks(): { readonly made: Callback; readonly read: Callback } {
  registered ??= {
    made: server.registerTicketMadeCallback(() => 1),
    read: server.registerTicketReadCallback(onTicket),
  }
  return registered
}

function onTicket(_ssl: Handle, session: Handle, status: number): number {
  try {
    const isGood = status === IS_GOOD || status === IS_GOOD_AND_OLD
    if (!isGood || session === NULL || !isYoung(session)) return IGNORE_AND_RENEW
    return status === IS_GOOD ? USE : USE_AND_RENEW
  } catch {
    return IGNORE_AND_RENEW
  }
}
