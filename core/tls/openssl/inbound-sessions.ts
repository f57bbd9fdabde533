/**
 * The C callbacks about sessions with clients. OpenSSL calls `new` and `get` within SSL_do_handshake; they find the engine
 * by the `SSL*`. It may call `remove` in any function, SSL_free included; `remove` finds the context by the `SSL_CTX*`. All
 * are synchronous and call no code of plugins. An exception must not reach C: it means that there is no session.
 */

import * as server from './inbound-library.js'
import * as ssl from './library.js'
import { type Handle, NULL, registerSessionCallback } from './library.js'
import type { Owned } from './owned.js'
import { isYoung } from './session-age.js'
import { sessionBytes, sessionFrom } from './session-bytes.js'

/** An engine, as the callbacks see it. */
export interface SessionSubject {
  /** OpenSSL has made a session. @param session as i2d_SSL_SESSION writes it */
  onNewSession(id: Buffer, session: Buffer): void
  /** @returns the session of that id, NULL when there is none; OpenSSL takes a reference of its own */
  onGetSession(id: Buffer): Handle
}

/** A context, as the callback sees it. */
export interface RemovalSubject {
  /** OpenSSL reports that a session must not be used again. */
  onRemoveSession(id: Buffer): void
}

interface Callbacks {
  readonly new: bigint
  readonly get: bigint
  readonly remove: bigint
}

/** Inbound engines by their `SSL*`. */
export const sessionSubjects = new Map<Handle, SessionSubject>()
/** Inbound contexts by their `SSL_CTX*`. */
export const removalSubjects = new Map<Handle, RemovalSubject>()

let registered: Callbacks | undefined

export function sessionCallbacks(): Callbacks {
  registered ??= {
    new: registerSessionCallback(onNew),
    get: server.registerGetSessionCallback(onGet),
    remove: server.registerRemoveSessionCallback(onRemove),
  }
  return registered
}

/** @returns 0: no reference is taken */
function onNew(handle: Handle, session: Handle): 0 {
  try {
    const subject = sessionSubjects.get(handle)
    if (subject === undefined || ssl.SSL_SESSION_is_resumable(session) !== 1) return 0
    const bytes = sessionBytes(session)
    if (bytes !== undefined) subject.onNewSession(idOf(session), bytes)
  } catch {
    // Without a session the next handshake is a full one.
  }
  return 0
}

function onGet(handle: Handle, id: Handle, length: number): Handle {
  try {
    return sessionSubjects.get(handle)?.onGetSession(ssl.copyFrom(id, length)) ?? NULL
  } catch {
    return NULL
  }
}

function onRemove(ctx: Handle, session: Handle): void {
  try {
    removalSubjects.get(ctx)?.onRemoveSession(idOf(session))
  } catch {
    // The session stays stored; OpenSSL refuses it again at the next offer.
  }
}

function idOf(session: Handle): Buffer {
  const length: [number] = [0]
  const at = server.SSL_SESSION_get_id(session, length)
  return at === NULL || length[0] === 0 ? Buffer.alloc(0) : ssl.copyFrom(at, length[0])
}

export interface WantedSession {
  /** The id that the client offered: a store may answer with a wrong session. */
  readonly id: Buffer
  /** A session belongs to one version of TLS: with another version the handshake would fail. */
  readonly isTls13: boolean
}

/** The session in these bytes, if it is the requested one and not too old. The caller frees it. */
export function parseSession(bytes: Uint8Array, { id, isTls13 }: WantedSession): Owned | undefined {
  const session = sessionFrom(bytes, isTls13)
  if (session === undefined) return undefined
  if (idOf(session.handle).equals(id) && isYoung(session.handle)) return session
  session.free()
  return undefined
}

/** Whether {@link parseSession} would take these bytes. */
export function isSession(bytes: Uint8Array, wanted: WantedSession): boolean {
  const parsed = parseSession(bytes, wanted)
  parsed?.free()
  return parsed !== undefined
}
