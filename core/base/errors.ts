/** Every error of this program is a {@link ProxyError} with a code from the table in `error-table.ts`. */

import { ERRORS, type Side } from './error-table.js'
import { clip, describe } from './thrown.js'

export type ErrorCode = keyof typeof ERRORS

/** Characters of a message of ours: the longest lists every mistake of a file. */
const MAX_TEXT = 65_536

/** An error with a code from the table. Decisions are taken on `code`, never on `message`. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code: ErrorCode
  /** Marks an error as ours, and keeps its code, whatever a plugin does that has caught it. */
  readonly #code: ErrorCode
  readonly #text: string

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(clip(message, MAX_TEXT), options)
    this.code = code
    this.#code = code
    this.#text = this.message
  }

  /** Never throws, which a proxy among prototypes would have `instanceof` do. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (ProxyError.codeOf(value) === undefined) return false
    try {
      // biome-ignore lint/complexity/noThisInStatic: the class that was asked about, which may be a descendant
      return this === ProxyError || Function.prototype[Symbol.hasInstance].call(this, value)
    } catch {
      return false
    }
  }

  /** The code that an error of ours was made with; undefined for anything else. */
  static codeOf(value: unknown): ErrorCode | undefined {
    return typeof value === 'object' && value !== null && #code in value ? value.#code : undefined
  }

  /** The whole message of an error of ours, whatever became of it; of anything else as `describe` says. */
  static textOf(value: unknown): string {
    return typeof value === 'object' && value !== null && #text in value ? value.#text : describe(value)
  }

  get side(): Side {
    return ERRORS[this.code].side
  }

  get status(): number {
    return ERRORS[this.code].status
  }
}
