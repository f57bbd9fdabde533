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
