import type { IsRevoked, LeafDigests } from './revocation.js'

/** Revocations that are kept. An acceptance that is older than these counts as revoked. */
const MAX = 1000

/**
 * What was revoked lately, for acceptances that no store has: of a handshake that goes on, of a connection that is in use.
 * Such an acceptance notes how many revocations there had been, and is compared with the later ones before something is sent
 * or stored that rests on it. Lives as long as the program.
 */
export class RevocationLog {
  #count = 0
  /** The newest is last. */
  readonly #last: IsRevoked[] = []

  /** How many there have been. */
  get count(): number {
    return this.#count
  }

  add(isRevoked: IsRevoked): void {
    this.#count += 1
    this.#last.push(isRevoked)
    if (this.#last.length > MAX) this.#last.shift()
  }

  /** Whether an acceptance was revoked. @param since how many revocations there had been when it was given */
  hasRevoked(since: number, host: string, leaf: () => LeafDigests | undefined): boolean {
    const later = this.#count - since
    if (later <= 0) return false
    return later > this.#last.length || this.#last.slice(-later).some(isRevoked => isRevoked(host, leaf))
  }
}
