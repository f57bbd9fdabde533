import { isWithdrawn, type RevocationLog } from '../tls/judge/revocation-log.js'
import type { Accepted } from '../tls/outbound/start-tls.js'
import type { Kept, Opened } from './open.js'

/** What connections were opened for, and what was revoked of that on which they rest. */
export class Acceptances {
  readonly #log: RevocationLog
  /** With how many revocations there were when it was examined last. */
  readonly #opened = new WeakMap<Kept, { readonly opened: Opened; examined: number }>()

  constructor(log: RevocationLog) {
    this.#log = log
  }

  /** How many revocations there have been. */
  get revocations(): number {
    return this.#log.count
  }

  /** @param since how many there were when it began to be opened: nothing is kept that a plugin was asked about before */
  add(connection: Kept, opened: Opened, since: number): void {
    this.#opened.set(connection, { opened, examined: since })
  }

  of(connection: Kept): Opened | undefined {
    return this.#opened.get(connection)?.opened
  }

  /** Whether it may not be kept: something was revoked since it was examined last, at first since it began to be opened. */
  areRevoked(connection: Kept): boolean {
    const known = this.#opened.get(connection)
    if (known === undefined) return true
    if (known.examined === this.#log.count) return false
    const all = this.#all(connection, known.opened)
    if (all.some(({ peer }) => isWithdrawn(this.#log, peer, known.examined))) return true
    known.examined = this.#log.count
    return false
  }

  /** Whether it may carry no request: an acceptance was revoked after it had been given. */
  areWithdrawn(connection: Kept): boolean {
    const known = this.#opened.get(connection)
    if (known === undefined) return true
    return this.#all(connection, known.opened).some(({ peer, revocations }) =>
      isWithdrawn(this.#log, peer, Math.max(revocations, known.examined)),
    )
  }

  /** Of its origin, and of an https parent on the way. */
  #all({ channel }: Kept, { parent }: Opened): readonly Accepted[] {
    return [...(channel.peer === undefined ? [] : [channel]), ...(parent === undefined ? [] : [parent])]
  }
}
