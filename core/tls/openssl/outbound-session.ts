/**
 * Sessions that origins issue. Within SSL_do_handshake (TLS 1.2) or SSL_read (TLS 1.3) OpenSSL passes a new session to one
 * C callback, which finds the engine by the `SSL*`. The answer 1 takes over the reference: an {@link OutboundSession} then
 * owns it, and its holder frees it.
 */
import * as ssl from './library.js'
import { type Handle, NULL, registerSessionCallback } from './library.js'
import { Owned } from './owned.js'
import { sessionBytes, sessionFrom } from './session-bytes.js'

/** A session with an origin. */
export class OutboundSession {
  readonly #session: Owned

  constructor(session: Handle | Owned) {
    this.#session =
      session instanceof Owned ? session : new Owned('SSL_SESSION', session, ssl.SSL_SESSION_free)
  }

  /** The session in these bytes; undefined where OpenSSL reads none of that version of TLS that can be resumed. */
  static from(bytes: Uint8Array, isTls13: boolean): OutboundSession | undefined {
    const session = sessionFrom(bytes, isTls13)
    if (session === undefined) return undefined
    if (ssl.SSL_SESSION_is_resumable(session.handle) === 1) return new OutboundSession(session)
    session.free()
    return undefined
  }

  /** With its secrets, for a store that seals them. Undefined for one that is too large. */
  toBytes(): Buffer | undefined {
    return sessionBytes(this.#session.handle)
  }

  /** For the engine only. */
  get handle(): Handle {
    return this.#session.handle
  }

  /** Milliseconds for which the origin says that it accepts the session. */
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

/** Outbound engines by their `SSL*`. */
export const sessionSubjects = new Map<Handle, SessionSubject>()

let registered: bigint | undefined

export function newSessionCallback(): bigint {
  registered ??= registerSessionCallback(onNewSession)
  return registered
}

/** @returns 1 when the reference was taken over, otherwise 0; an exception must not reach C */
function onNewSession(handle: Handle, session: Handle): 0 | 1 {
  const subject = sessionSubjects.get(handle)
  if (subject === undefined || session === NULL || ssl.SSL_SESSION_is_resumable(session) !== 1) return 0
  try {
    subject.onNewSession(new OutboundSession(session))
  } catch {
    // The reference already has an owner, or memory ran out earlier. A lost session does no harm.
  }
  return 1
}
