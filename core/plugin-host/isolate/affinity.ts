import type { Subject } from './messages.js'

/**
 * Which worker keeps the args of what: of a connection, of a transaction. A worker may be asked about one whose args are
 * elsewhere; then both know it, and both have to forget it.
 */
export class Affinity<Link> {
  /** The workers that know a subject; its args are in the first. */
  readonly #known = new Map<Subject, readonly Link[]>()

  of(subject: Subject): Link | undefined {
    return this.#known.get(subject)?.[0]
  }

  /** `link` is asked about it. @param isUsable whether its first worker stays the first */
  settle(subject: Subject, link: Link, isUsable: (first: Link) => boolean): void {
    const all = this.#known.get(subject) ?? []
    const [first] = all
    if (first === link) return
    const others = all.filter(other => other !== link)
    this.#known.set(subject, first !== undefined && isUsable(first) ? [...others, link] : [link, ...others])
  }

  /** @returns the workers that knew it */
  forget(subject: Subject): readonly Link[] {
    const all = this.#known.get(subject) ?? []
    this.#known.delete(subject)
    return all
  }

  /** A worker is there no longer. */
  lose(link: Link): void {
    for (const [subject, all] of this.#known) {
      const left = all.filter(other => other !== link)
      if (left.length === 0) this.#known.delete(subject)
      else if (left.length < all.length) this.#known.set(subject, left)
    }
  }

  clear(): void {
    this.#known.clear()
  }
}
