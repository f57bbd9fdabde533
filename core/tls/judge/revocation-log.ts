import { ProxyError } from '../../base/errors.js'
import { type LeafDigests, leafDigests } from './leaf-digests.js'
import type { IsRevoked } from './revocation.js'
import type { VerifiedPeer } from './verdict.js'

/** Revocations that are kept, as many as a list of hosts may bring at once. An acceptance that is older counts as revoked. */
const MAX = 10_000

/**
 * What was revoked lately, for acceptances that no store has: of a handshake that goes on, of a connection that is in use.
 * Such an acceptance notes how many revocations there had been, and is compared with the later ones before something is sent
 * or stored that rests on it. Lives as long as the program.
 */
export class RevocationLog {
  /** How many there have been. Only {@link add} writes it. */
  count = 0
  /** The newest is last. */
  readonly #last: IsRevoked[] = []

  add(isRevoked: IsRevoked): void {
    this.count += 1
    this.#last.push(isRevoked)
    if (this.#last.length > MAX) this.#last.shift()
  }

  /** Whether an acceptance was revoked. @param since how many revocations there had been when it was given */
  hasRevoked(since: number, host: string, leaf: () => LeafDigests | undefined): boolean {
    const later = this.count - since
    if (later <= 0) return false
    if (later > this.#last.length) return true
    let known: { readonly of: LeafDigests | undefined } | undefined
    const once = (): LeafDigests | undefined => {
      known ??= { of: leaf() }
      return known.of
    }
    return this.#last.slice(-later).some(isRevoked => isRevoked(host, once))
  }
}

/**
 * Whether an acceptance was revoked.
 * @param since how many revocations there had been when it was given, or when it was compared last
 */
export const isWithdrawn = (log: RevocationLog, { evidence }: VerifiedPeer, since: number): boolean =>
  log.hasRevoked(since, evidence.host, () => leafDigests(evidence))

/** Whether one of the acceptances on which a connection rests was revoked after it had been given. Without a log none ever is. */
export const areWithdrawn = (
  log: RevocationLog | undefined,
  ...all: readonly ({ readonly peer: VerifiedPeer; readonly revocations: number } | undefined)[]
): boolean =>
  log !== undefined && all.some(one => one !== undefined && isWithdrawn(log, one.peer, one.revocations))

/** The end of a handshake whose acceptance was revoked again and again, or that cannot be made anew. */
export const withdrawn = (): ProxyError =>
  new ProxyError('PTC_ORIGIN_CLOSED', 'its acceptance was revoked during the handshake')
