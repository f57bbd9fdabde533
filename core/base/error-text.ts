import { ERRORS, ProxyError } from './errors.js'
import { describe, stackOf } from './thrown.js'

/** The message of what was thrown, and what to do about it, for an operator. */
export function errorText(cause: unknown): string {
  const code = ProxyError.codeOf(cause)
  if (code === undefined) return stackOf(cause) ?? describe(cause)
  return `${code}: ${ProxyError.textOf(cause)}\n${ERRORS[code].remedy}`
}
