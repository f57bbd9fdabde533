import { ERRORS } from './error-table.js'
import { type ErrorCode, ProxyError } from './errors.js'

/** One of the things that an error lists. */
export interface Problem {
  readonly code: ErrorCode
  /** Begins with its place, where it has one. */
  readonly text: string
}

const listed = new WeakMap<ProxyError, readonly Problem[]>()

/** What an error lists; an error that lists nothing is its own only problem. */
export const problemsOf = (error: ProxyError): readonly Problem[] =>
  listed.get(error) ?? [{ code: error.code, text: ProxyError.textOf(error) }]

/** One error for several lines, each of which names its place and what is wrong there. */
export function listError(code: ErrorCode, all: readonly string[]): ProxyError {
  const [first = ''] = all
  const text = all.length === 1 ? first : [`${all.length} errors`, ...all].join('\n  ')
  const error = new ProxyError(code, text)
  listed.set(
    error,
    all.map(line => ({ code, text: line })),
  )
  return error
}

/** Collects the errors of independent readings, so that one error lists all of them. */
export class Mistakes {
  readonly #errors: ProxyError[] = []

  /** What was read; undefined where the reading failed. */
  read<T>(reading: () => T): T | undefined {
    try {
      return reading()
    } catch (cause) {
      this.add(cause)
      return undefined
    }
  }

  /**
   * The results of all readings.
   * @throws {ProxyError} `error`, if any reading has failed, of these or before them
   */
  readAll<T extends object>(readings: { readonly [K in keyof T]: () => T[K] }): T {
    const results = Object.entries<() => unknown>(readings).map(([name, reading]) => [
      name,
      this.read(reading),
    ])
    this.check()
    return Object.fromEntries(results) as T
  }

  /** `read` for what takes time. */
  async readLater<T>(reading: () => Promise<T>): Promise<T | undefined> {
    try {
      return await reading()
    } catch (cause) {
      this.add(cause)
      return undefined
    }
  }

  /** @throws what is no {@link ProxyError} */
  add(cause: unknown): void {
    if (!(cause instanceof ProxyError)) throw cause
    this.#errors.push(cause)
  }

  /**
   * The error to throw; undefined where there is none. A single one is itself, those of one code are one with all lines.
   * Errors of several codes are PTC_CONFIG_INVALID: behind the lines of each code stands what to do about them.
   */
  get error(): ProxyError | undefined {
    const [first] = this.#errors
    if (first === undefined || this.#errors.length === 1) return first
    const problems = this.#errors.flatMap(problemsOf)
    const byCode = new Map<ErrorCode, string[]>()
    for (const { code, text } of problems) byCode.set(code, [...(byCode.get(code) ?? []), text])
    if (byCode.size === 1) return listError(first.code, byCode.get(first.code) ?? [])
    const groups = [...byCode].map(([code, all]) => [...all, `  ${code}: ${ERRORS[code].remedy}`])
    const error = new ProxyError(
      'PTC_CONFIG_INVALID',
      [`${problems.length} errors`, ...groups.flat()].join('\n  '),
    )
    listed.set(error, problems)
    return error
  }

  /** @throws {ProxyError} `error`, if there is one */
  check(): void {
    const { error } = this
    if (error !== undefined) throw error
  }
}
