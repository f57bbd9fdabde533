/**
 * Sessions that origins hand out. OpenSSL gives a new one from within SSL_do_handshake (TLS 1.2) or SSL_read (TLS 1.3),
 * through one C callback that finds the engine by the `SSL*`. Saying 1 there takes the reference over; from then on a
 * {@link OutboundSession} owns it, and whoever holds that frees it.
 */
import * as ssl from './library.js'
import { type Handle, NULL, registerSessionCallback } from './library.js'
import { Owned } from './owned.js'

/** A session with an origin. */
export class OutboundSession {
  readonly #session: Owned

  constructor(handle: Handle) {
    this.#session = new Owned('SSL_SESSION', handle, ssl.SSL_SESSION_free)
  }

  /** For the engine only. */
  get handle(): Handle {
    return this.#session.handle
  }

  /** Milliseconds for which the origin takes it, by its own word. */
  get lifetime(): number {
    return Number(ssl.SSL_SESSION_get_timeout(this.#session.handle)) * 1000
  }

  /** Safe to call twice. */
  free(): void {
    this.#session.free()
  }
}

/** An engine, as the callback sees it. */
export interface SessionSubject {
  onNewSession(session: OutboundSession): void
}

const subjects = new Map<Handle, SessionSubject>()
let registered: bigint | undefined

export function enrollForSessions(handle: Handle, subject: SessionSubject): void {
  subjects.set(handle, subject)
}

/** Before SSL_free: addresses are used again. */
export function dismissFromSessions(handle: Handle): void {
  subjects.delete(handle)
}

export function newSessionCallback(): bigint {
  registered ??= registerSessionCallback(onNewSession)
  return registered
}

/** @returns 1 when the reference is ours now, else 0; an exception must not reach C */
function onNewSession(handle: Handle, session: Handle): 0 | 1 {
  const subject = subjects.get(handle)
  if (subject === undefined || session === NULL || ssl.SSL_SESSION_is_resumable(session) !== 1) return 0
  try {
    subject.onNewSession(new OutboundSession(session))
  } catch {
    // The reference has an owner already, or none was made for want of memory; a session that is lost does no harm.
  }
  return 1
}
