import { isSameOrigin, type Origin } from '../base/authority.js'
import { Memo } from '../base/memo.js'
import { type Way, wayKey } from './parents/way.js'

/** The parts of a target that a key is made of. */
interface KeyTarget extends Origin {
  readonly dialHost?: string
}

interface MadeKey {
  readonly target: KeyTarget
  readonly way: string
  readonly digest: string
  readonly key: string
}

const isSame = (a: KeyTarget, b: KeyTarget): boolean => isSameOrigin(a, b) && a.dialHost === b.dialHost

/** Makes the keys of connections to origins: everything by which one connection differs from another. */
export class PoolKeys {
  /** By host: the key made last, because to make one costs more than to look for it. */
  readonly #made = new Memo<string, MadeKey>(1000)

  /** @param digest of everything that shapes the verdict about the origin */
  of(target: KeyTarget, by: Way, digest: string): string {
    const { scheme, host, isAddress, port, dialHost } = target
    const way = wayKey(by)
    const made = this.#made.get(host)
    if (made !== undefined && made.digest === digest && made.way === way && isSame(made.target, target))
      return made.key
    const at = dialHost === undefined ? '' : ` at ${dialHost}`
    const key = `${scheme}://${host}:${port}${at}${way} ${digest}`
    const kept = { scheme, host, isAddress, port, ...(dialHost && { dialHost }) }
    this.#made.set(host, { target: kept, way, digest, key })
    return key
  }
}
