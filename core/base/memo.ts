/**
 * Remembers what is easily found out again, for paths where an LRU cache, which moves an entry with every look, would cost
 * more than it saves. Full, it forgets everything at once.
 */
export class Memo<K, V> {
  readonly #max: number
  readonly #known = new Map<K, V>()

  /** @param max how many entries, at least 1 */
  constructor(max: number) {
    this.#max = max
  }

  get(key: K): V | undefined {
    return this.#known.get(key)
  }

  set(key: K, value: V): void {
    if (this.#known.size >= this.#max) this.#known.clear()
    this.#known.set(key, value)
  }
}

/** A copy: a part of a text keeps all of the text in memory, which is long where the part is kept for long. */
export const detachString = (text: string): string => Buffer.from(text).toString()
