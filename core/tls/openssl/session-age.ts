/**
 * Limits of sessions with clients that OpenSSL does not enforce: a chain of resumptions ends a day after its first
 * handshake, and with the client's certificate. TLS 1.3 makes a new session at each resumption, which restarts OpenSSL's
 * own limit each time; and the certificate is not verified again.
 */

import * as server from './inbound-library.js'
import * as ssl from './library.js'
import { type Callback, type Handle, NULL } from './library.js'

const LONGEST_CHAIN = 86_400
const STAMP_BYTES = 8

/** The decision about a ticket (SSL_TICKET_RETURN). */
const IGNORE_AND_RENEW = 2
const USE = 3
const USE_AND_RENEW = 4
/** OpenSSL's result for a ticket (SSL_TICKET_STATUS). */
const IS_GOOD = 5
const IS_GOOD_AND_OLD = 6

/** Writes the start of a chain of resumptions into its first session; a resumed session already has it. */
export function stampSession(session: Handle): void {
  if (session === NULL || stampOf(session) !== undefined) return
  const stamp = Buffer.alloc(STAMP_BYTES)
  stamp.writeBigUInt64BE(BigInt(nowInSeconds()))
  server.SSL_SESSION_set1_ticket_appdata(session, stamp, STAMP_BYTES)
}

/** Whether it may still be resumed. */
export function isYoung(session: Handle): boolean {
  const begun = stampOf(session)
  if (begun !== undefined && nowInSeconds() - begun > LONGEST_CHAIN) return false
  const leaf = server.SSL_SESSION_get0_peer(session)
  return leaf === NULL || server.X509_cmp_current_time(ssl.X509_get0_notAfter(leaf)) > 0
}

function stampOf(session: Handle): number | undefined {
  const at: [Handle] = [NULL]
  const length: [number | bigint] = [0]
  if (server.SSL_SESSION_get0_ticket_appdata(session, at, length) !== 1 || at[0] === NULL) return undefined
  if (Number(length[0]) !== STAMP_BYTES) return undefined
  return Number(ssl.copyFrom(at[0], STAMP_BYTES).readBigUInt64BE())
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
