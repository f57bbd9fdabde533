import type { Send } from './ctl-client.js'

type Paged<N extends string, T> = { readonly [K in N]: readonly T[] } & { readonly next?: string | null }

/** A page's cursor, as part of a path. */
export const withCursor = (path: string, cursor: string | undefined): string =>
  cursor === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`

/**
 * A list of the management API, page after page.
 * @param most rows; the rest is not asked for
 */
export async function listOf<T>(
  send: Send,
  path: string,
  name: string,
  most: number = Number.POSITIVE_INFINITY,
): Promise<readonly T[]> {
  const all: T[] = []
  let cursor: string | undefined
  do {
    const page = await send<Paged<string, T>>('GET', withCursor(path, cursor))
    all.push(...(page[name] ?? []))
    cursor = page.next ?? undefined
  } while (cursor !== undefined && all.length < most)
  return all.length > most ? all.slice(0, most) : all
}
