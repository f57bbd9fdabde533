/** A fetch on its way between a worker and the proxy: plain data. */
import type { FetchAnswer, FetchOptions, PluginFetch } from '../../api/fetch.js'
import { ProxyError } from '../../base/errors.js'
import { exactBytes, toBuffer } from './plain.js'

export interface PlainAnswer extends Omit<FetchAnswer, 'body'> {
  readonly body: Uint8Array
}

/** A body in JSON: base64. */
export function bodyText(body: Uint8Array | string): string {
  if (typeof body === 'string' || body instanceof Uint8Array)
    return Buffer.from(body as string).toString('base64')
  throw new ProxyError('PTC_PLUGIN_CALL', 'fetch: a body is text or bytes')
}

export function fromPlainAnswer({ body, ...answer }: PlainAnswer): FetchAnswer {
  return { ...answer, body: toBuffer(body) }
}

/** In the proxy. What the options are, `fetch` itself checks. */
export async function fetchPlain(
  fetch: PluginFetch,
  url: string,
  options: FetchOptions = {},
): Promise<PlainAnswer> {
  const { body } = options
  const bytes = typeof body === 'string' ? { body: Buffer.from(body, 'base64') } : {}
  const answer = await fetch(url, { ...options, ...bytes })
  const { body: found } = answer
  // It is the plugin's own already; a large one is not copied again.
  const isWhole = found.byteLength === found.buffer.byteLength
  return { ...answer, body: isWhole ? new Uint8Array(found.buffer) : exactBytes(found) }
}

/** The call's end, or the signal's, whichever is first: the fetch then ends by its own time. */
export function unless<T>(signal: AbortSignal | undefined, call: Promise<T>): Promise<T> {
  if (signal === undefined) return call
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new ProxyError('PTC_FETCH_FAILED', 'fetch: the caller has given up'))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    call.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
