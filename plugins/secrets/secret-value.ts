import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'

/** Where a secret is read from. */
export type Source = { readonly env: string } | { readonly file: string }

const MIN_LENGTH = 8
export const MAX_LENGTH = 4096
/** How often a file is looked at, milliseconds. */
const LOOK = 1000

/**
 * The value of a secret. It is shown by no `inspect`, no JSON and no error. A file may be replaced while the proxy runs; the
 * value before is still removed from answers.
 */
export class SecretValue {
  readonly #source: Source
  readonly #confDir: string
  #value: string | undefined
  #before: string | undefined
  #failure: string | undefined
  #stamp = ''
  #looked = -Infinity

  /** @param confDir where relative paths begin */
  constructor(source: Source, confDir: string) {
    this.#source = source
    this.#confDir = confDir
    this.#look()
  }

  /** What is wrong, and what to do; undefined where nothing is. It names no value. */
  get failure(): string | undefined {
    this.#look()
    return this.#failure
  }

  /** Undefined where it cannot be used. */
  get(): string | undefined {
    this.#look()
    return this.#value
  }

  /** What must not reach a client: the value, and the one before. */
  known(): readonly string[] {
    this.#look()
    return [this.#value, this.#before].filter(value => value !== undefined)
  }

  #look(): void {
    const now = performance.now()
    if (now - this.#looked < LOOK) return
    this.#looked = now
    const found = 'env' in this.#source ? this.#ofEnv(this.#source.env) : this.#ofFile(this.#source.file)
    if (found === 'unchanged') return
    const failure = found.value === undefined ? found.failure : wrongWith(found.value)
    const usable = failure === undefined ? found.value : undefined
    const what = 'env' in this.#source ? `the environment's ${this.#source.env}` : this.#source.file
    this.#failure = failure && `${what} ${failure}`
    if (this.#value !== undefined && this.#value !== usable) this.#before = this.#value
    this.#value = usable
  }

  #ofEnv(name: string): Reading {
    const value = process.env[name]
    if (value !== undefined) return { value }
    return { failure: 'is not set: set it where the proxy is started, or name a file' }
  }

  #ofFile(name: string): Reading | 'unchanged' {
    const path = resolve(this.#confDir, name)
    try {
      const { ino, size, mtimeMs } = statSync(path)
      const stamp = [ino, size, mtimeMs].join()
      if (stamp === this.#stamp) return 'unchanged'
      if (size > MAX_LENGTH + 2) return { failure: `is larger than ${MAX_LENGTH} bytes` }
      const value = readFileSync(path, 'latin1').replace(/\r?\n$/, '')
      this.#stamp = stamp
      return { value }
    } catch (cause) {
      this.#stamp = ''
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'an error'
      return { failure: `cannot be read (${code}): make it readable for the proxy, or name another` }
    }
  }
}

type Reading =
  | { readonly value: string; readonly failure?: undefined }
  | { readonly failure: string; readonly value?: undefined }

/** Short texts would be found everywhere. */
function wrongWith(value: string): string | undefined {
  if (value.length < MIN_LENGTH || value.length > MAX_LENGTH)
    return `has not ${MIN_LENGTH} to ${MAX_LENGTH} characters`
  if (!/^[\x20-\x7e]*$/.test(value) || value !== value.trim())
    return 'has other characters than those of ASCII that can be printed, or blanks at an end'
  return new Set(value.toLowerCase()).size < 4 ? 'has fewer than 4 different characters' : undefined
}
