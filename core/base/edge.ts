import { ProxyError } from './errors.js'
import { describe } from './thrown.js'

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
