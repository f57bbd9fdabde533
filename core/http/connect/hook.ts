import type { TxnHooks } from '../transaction/hooks.js'

/**
 * Has plugins asked about a CONNECT, or about another host that its tunnel turned out to be for.
 * @param rawHeaders of the request
 * @param signal aborts when the client leaves
 * @throws {ProxyError} a refusal, or the signal's reason
 */
export async function askConnect(
  hooks: TxnHooks,
  rawHeaders: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  hooks.begin()
  try {
    await new Promise<void>((resolve, reject) => {
      const onGone = (): void => {
        hooks.abandon()
        reject(signal.reason)
      }
      if (signal.aborted) return onGone()
      signal.addEventListener('abort', onGone, { once: true })
      hooks.readRequest(rawHeaders, why => {
        signal.removeEventListener('abort', onGone)
        if (why === undefined) resolve()
        else reject(why)
      })
    })
  } finally {
    hooks.over() // nothing more of a CONNECT is asked about
  }
}

/** The fields as if the client had asked for another authority. */
export const forAuthority = (rawHeaders: readonly string[], authority: string): readonly string[] =>
  rawHeaders.map((text, i) => (i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'host' ? authority : text))
