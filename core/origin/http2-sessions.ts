import type { Current } from '../base/current.js'
import type { ConnectionOwner } from './connection-login.js'
import type { Http2Session, SessionOwner } from './http2-session.js'
import type { PoolLimits } from './pool.js'

/**
 * The connections of HTTP/2 to origins, busy ones included, under the keys of the pool. One that was accepted for a client
 * serves that client alone.
 */
export class Http2Sessions implements SessionOwner {
  readonly #limits: Current<PoolLimits>
  readonly #byKey = new Map<string, Set<Http2Session>>()
  readonly #keys = new Map<Http2Session, string>()
  /** Without a stream, the one that has been idle longest first. */
  readonly #idle = new Set<Http2Session>()

  constructor(limits: Current<PoolLimits>) {
    this.#limits = limits
  }

  /** All that take requests. */
  get size(): number {
    return this.#keys.size
  }

  get idle(): number {
    return this.#idle.size
  }

  /** One that has ended, or is to end, is not kept. */
  add(key: string, session: Http2Session): void {
    if (session.isRetired) return
    const known = this.#byKey.get(key)
    if (known === undefined) this.#byKey.set(key, new Set([session]))
    else known.add(session)
    this.#keys.set(session, key)
  }

  /** One that takes a request of this client. */
  find(key: string, client: ConnectionOwner | undefined): Http2Session | undefined {
    for (const session of this.#byKey.get(key) ?? []) {
      const isFree = session.owner === undefined || session.owner === client
      if (isFree && session.hasRoom) {
        this.#idle.delete(session)
        return session
      }
    }
    return undefined
  }

  /** Retires all, or those for which `isWanted` answers false. */
  retire(isWanted: (key: string, session: Http2Session) => boolean = () => false): void {
    for (const [session, key] of [...this.#keys]) if (!isWanted(key, session)) session.retire()
  }

  onIdle(session: Http2Session): void {
    const key = this.#keys.get(session)
    if (key === undefined) return
    this.#idle.add(session)
    const { maxIdle, maxIdlePerKey } = this.#limits()
    const alike = [...(this.#byKey.get(key) ?? [])].filter(({ isIdle }) => isIdle).length
    if (alike > maxIdlePerKey || session.owner?.isOver) session.close()
    while (this.#idle.size > maxIdle) {
      const [oldest] = this.#idle
      if (oldest === undefined) return
      this.#idle.delete(oldest)
      oldest.close()
    }
  }

  onOver(session: Http2Session): void {
    const key = this.#keys.get(session)
    this.#idle.delete(session)
    this.#keys.delete(session)
    if (key === undefined) return
    const alike = this.#byKey.get(key)
    alike?.delete(session)
    if (alike?.size === 0) this.#byKey.delete(key)
  }
}
