import { ERRORS } from './error-table.js'
import { ProxyError } from './errors.js'
import { describe, stackOf } from './thrown.js'

/**
 * Does work of one connection at a place where nothing above could mend what goes wrong: an event of a socket, a timer, a
 * piece of the queue, an answer of a plugin. What it throws is for `onFault`, which ends that connection and no other.
 */
export function atEdge(what: string, work: () => void, onFault: (why: ProxyError) => void): void {
  try {
    work()
  } catch (cause) {
    onFault(asFault(what, cause))
  }
}

/** Does all of it, whatever some of it throws: the end of something. @returns the first thing that was thrown */
export function doAll(what: string, ...steps: readonly (() => unknown)[]): ProxyError | undefined {
  let first: ProxyError | undefined
  for (const step of steps)
    atEdge(what, step, why => {
      first ??= why
    })
  return first
}

/** What went wrong in us; an error of ours is what it is. @param what has failed, in words */
export function asFault(what: string, cause: unknown): ProxyError {
  return toProxyError(cause, `${what} failed: ${describe(cause)}`)
}

/** An error of ours as it is; anything else that was thrown as PTC_INTERNAL with this text, which clients may be shown. */
export function toProxyError(cause: unknown, text: string): ProxyError {
  return cause instanceof ProxyError ? cause : new ProxyError('PTC_INTERNAL', text, { cause })
}

/** The message of what was thrown, and what to do about it, for an operator. */
export function errorText(cause: unknown): string {
  const code = ProxyError.codeOf(cause)
  if (code === undefined) return stackOf(cause) ?? describe(cause)
  return `${code}: ${ProxyError.textOf(cause)}\n${ERRORS[code].remedy}`
}

/**
 * Calls code of a plugin. What it throws, now or later, goes to `onError` and no further. A plugin in plain JavaScript
 * may return anything: only what can be awaited is waited for.
 * @returns undefined when the call is over; otherwise a promise, never rejected, for what needs longer
 */
export function contain(call: () => unknown, onError: (cause: unknown) => void): undefined | Promise<void> {
  try {
    const returned = call()
    if (typeof returned !== 'object' || returned === null) return undefined
    // Made anew: a promise of the plugin's may have a `then` of its own.
    return new Promise<unknown>(resolve => resolve(returned)).then(() => undefined, onError)
  } catch (cause) {
    onError(cause)
    return undefined
  }
}
