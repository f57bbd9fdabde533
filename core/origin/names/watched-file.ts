import { readFileSync, statSync } from 'node:fs'

/** How often the file is looked at, in milliseconds. */
const INTERVAL = 1000

/** A file of this size or more is not read: it is no configuration. */
const MAX_BYTES = 16 * 1024 * 1024

/**
 * A file of the system, read again when it has changed. It is looked at when its value is wanted, once a second at most:
 * a local `stat` takes microseconds, and a watcher misses files that are replaced or mounted. A missing file is an empty
 * one.
 */
export class WatchedFile<T> {
  readonly #path: string
  readonly #parse: (text: string) => T
  readonly #now: () => number
  #checkedAt: number
  #seen = ''
  #value: T

  /** @param now milliseconds of a clock that does not jump */
  constructor(path: string, parse: (text: string) => T, now: () => number = () => performance.now()) {
    this.#path = path
    this.#parse = parse
    this.#now = now
    this.#checkedAt = now()
    this.#seen = this.#stamp()
    this.#value = parse(this.#text())
  }

  /** The same object as long as the file has not changed. */
  get value(): T {
    const now = this.#now()
    if (now - this.#checkedAt < INTERVAL) return this.#value
    this.#checkedAt = now
    const stamp = this.#stamp()
    if (stamp !== this.#seen) {
      this.#seen = stamp
      this.#value = this.#parse(this.#text())
    }
    return this.#value
  }

  #stamp(): string {
    try {
      const { mtimeMs, ctimeMs, size, ino } = statSync(this.#path)
      return `${mtimeMs} ${ctimeMs} ${size} ${ino}`
    } catch {
      return ''
    }
  }

  #text(): string {
    try {
      return statSync(this.#path).size < MAX_BYTES ? readFileSync(this.#path, 'utf8') : ''
    } catch {
      return ''
    }
  }
}
