import { lookedUp } from '../../base/lookups.js'
import { SharedCache } from '../../base/shared-cache.js'
import { chainEnds } from '../judge/chain-certificate.js'
import { leafDigests } from '../judge/leaf-digests.js'
import type { IsRevoked } from '../judge/revocation.js'
import type { VerifiedPeer } from '../judge/verdict.js'
import type { OutboundSession } from '../openssl/outbound-session.js'
import type { SessionAges } from './session-facts.js'
import { type SessionSharing, SharedSessions } from './shared-sessions.js'

/** RFC 8446 section 4.6.1: no ticket is used for longer than seven days; a day is plenty. */
const LONGEST = 86_400_000

/** A session, and the acceptance it rests on. */
export interface StoredSession {
  readonly session: OutboundSession
  readonly peer: VerifiedPeer
  readonly ages: SessionAges
}

interface Kept extends StoredSession {
  readonly endsAt: number
}

/** OpenSSL's servers give out two in TLS 1.3, and none when a session is resumed. */
const PER_KEY = 2

/**
 * Sessions with origins, between two handshakes. The key holds everything that shapes a verdict, so that a changed policy
 * finds none. What is in it is owned by it; `take` hands the ownership over.
 *
 * A session ends with the first of: what the origin allows, a certificate of its chain, the verdict it rests on, a day.
 *
 * Life: open -> closed. A closed cache frees what it is given.
 */
export class SessionCache {
  /** On the account of the clients' networks. */
  readonly #kept: SharedCache<string, Kept[]>
  /** Those of the other processes of a fleet. */
  readonly shared: SharedSessions | undefined
  #isClosed = false
  #revocations = 0

  /**
   * @param size for how many keys sessions are kept
   * @param sharing with the other processes of a fleet
   */
  constructor(size: number, sharing?: SessionSharing) {
    this.shared = sharing && new SharedSessions(sharing, Math.max(1, size))
    this.#kept = new SharedCache<string, Kept[]>({
      max: Math.max(1, size),
      // A list that was emptied by `take` has nothing left to free.
      dispose: list => {
        for (const { session } of list.splice(0)) session.free()
      },
    })
  }

  /** How many revocations there have been: what comes of a handshake that began before one is not kept. */
  get revocations(): number {
    return this.#revocations
  }

  /**
   * Each session is offered once at a time (RFC 8446 appendix C.4); the caller that takes it frees it or puts it back.
   * @param network of the client, as {@link import('../../base/network.js').networkOf} has it
   */
  take(key: string, network: string): StoredSession | undefined {
    return lookedUp('sessions', this.#take(key, network))
  }

  #take(key: string, network: string): StoredSession | undefined {
    const list = this.#kept.get(key, network)
    if (list === undefined) return undefined
    for (let last = list.pop(); last !== undefined; last = list.pop()) {
      if (list.length === 0) this.#kept.delete(key)
      if (last.endsAt > Date.now()) return last
      last.session.free()
    }
    return undefined
  }

  /** @param network as for {@link take} */
  put(key: string, network: string, session: OutboundSession, peer: VerifiedPeer, ages: SessionAges): void {
    const endsAt = endOf(session, peer, ages)
    if (this.#isClosed || endsAt <= Date.now()) return session.free()
    const list = this.#kept.get(key, network)
    if (list === undefined) return void this.#kept.set(key, [{ session, peer, ages, endsAt }], network)
    list.push({ session, peer, ages, endsAt })
    if (list.length > PER_KEY) list.shift()?.session.free()
  }

  /** Whether there is one that has not ended. */
  has(key: string): boolean {
    return this.#kept.peek(key)?.some(({ endsAt }) => endsAt > Date.now()) === true
  }

  /** The origin was rejected: whatever rests on an earlier acceptance goes. */
  forget(key: string): void {
    this.#kept.delete(key)
  }

  /** Frees the sessions that rest on what is revoked. Returns how many there were. */
  revoke(isRevoked: IsRevoked): number {
    this.#revocations += 1
    this.shared?.revoke(isRevoked)
    let count = 0
    for (const [key, list] of [...this.#kept.entries()]) {
      const gone = list.filter(({ peer: { evidence } }) =>
        isRevoked(evidence.host, () => leafDigests(evidence)),
      )
      count += gone.length
      for (const kept of gone) list.splice(list.indexOf(kept), 1)
      for (const { session } of gone) session.free()
      if (list.length === 0) this.#kept.delete(key)
    }
    return count
  }

  close(): void {
    this.#isClosed = true
    this.#kept.clear()
    this.shared?.close()
  }
}

/** When it ends, milliseconds since the epoch. */
export function endOf(
  session: OutboundSession,
  { evidence, expiresAt }: VerifiedPeer,
  { givenAt, shownAt }: SessionAges,
): number {
  return Math.min(
    givenAt + session.lifetime,
    shownAt + LONGEST,
    chainEnds(evidence),
    expiresAt ?? Number.POSITIVE_INFINITY,
  )
}
