import { type IsRevoked, type Revoked, readRevocation } from '../tls/judge/revocation.js'
import type { RevocationLog } from '../tls/judge/revocation-log.js'
import { type Keeper, type Kind, Revocations, type RevokedCounts } from '../tls/judge/revocations.js'
import type { VerdictCache } from '../tls/judge/verdict-cache.js'
import type { SessionCache } from '../tls/outbound/session-cache.js'

const WORDS: Readonly<Record<Kind, readonly [string, string]>> = {
  verdicts: ['remembered verdict', 'remembered verdicts'],
  sessions: ['session', 'sessions'],
  addresses: ['verified address', 'verified addresses'],
  connections: ['idle connection', 'idle connections'],
}

/** Revokes acceptances for plugins and operators, and writes it down. Lives as long as the program. */
export class Revoking {
  readonly #all = new Revocations()
  readonly #verdicts = new Set<VerdictCache>()
  readonly #note: (message: string) => void
  readonly #tellOthers: (wanted: unknown, by: string) => void

  /** @param tellOthers revokes in the other processes of the proxy */
  constructor(note: (message: string) => void, tellOthers: (wanted: unknown, by: string) => void = () => {}) {
    this.#note = note
    this.#tellOthers = tellOthers
  }

  /** What was revoked lately. */
  get log(): RevocationLog {
    return this.#all.log
  }

  join(kind: Kind, keeper: Keeper): () => void {
    return this.#all.join(kind, keeper)
  }

  /** Registers the caches of a generation. The returned function unregisters them: its last handshake may outlive a reload. */
  enter(verdicts: VerdictCache, sessions: SessionCache | undefined): () => void {
    this.#verdicts.add(verdicts)
    const leave = [
      this.join('verdicts', isRevoked => verdicts.revoke(isRevoked)),
      ...(sessions === undefined ? [] : [this.join('sessions', isRevoked => sessions.revoke(isRevoked))]),
    ]
    return () => {
      this.#verdicts.delete(verdicts)
      for (const end of leave) end()
    }
  }

  /**
   * In all processes of the proxy.
   * @param wanted see `readRevocation`
   * @param by for the log
   * @throws {ProxyError} PTC_REVOCATION
   */
  readonly revoke = (wanted: unknown, by: string): RevokedCounts => {
    const { isRevoked, what, elsewhere } = this.read(wanted)
    const counts = this.#revoke(isRevoked, what, by)
    this.#tellOthers(elsewhere, by)
    return counts
  }

  /** In this process. @throws {ProxyError} PTC_REVOCATION */
  revokeHere(wanted: unknown, by: string): RevokedCounts {
    const { isRevoked, what } = this.read(wanted)
    return this.#revoke(isRevoked, what, by)
  }

  /** @throws {ProxyError} PTC_REVOCATION */
  read(wanted: unknown): Revoked {
    return readRevocation(wanted, key => this.#hostOf(key))
  }

  #revoke(isRevoked: IsRevoked, what: string, by: string): RevokedCounts {
    const counts = this.#all.revoke(isRevoked)
    this.#note(`${by} revoked ${what}: ${countsText(counts)}`)
    return counts
  }

  #hostOf(key: string): string | undefined {
    for (const verdicts of this.#verdicts) {
      const host = verdicts.hostOf(key)
      if (host !== undefined) return host
    }
    return undefined
  }
}

/** `1 remembered verdict, 2 idle connections`; `nothing was kept`. */
export function countsText(counts: RevokedCounts): string {
  const parts = Object.entries(WORDS).flatMap(([kind, [one, many]]) => {
    const count = counts[kind as Kind]
    return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`]
  })
  return parts.length === 0 ? 'nothing was kept' : parts.join(', ')
}
