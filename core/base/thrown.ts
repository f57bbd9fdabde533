/** What a plugin throws, for whoever wrote it: the log says where, because a message alone seldom does. */
import { fileURLToPath } from 'node:url'
import { describe } from './errors.js'

/** What this program is made of; a plugin that calls it in a wrong way is told where it did. */
const OURS = ['../', '../../../core/'].map(path => fileURLToPath(new URL(path, import.meta.url)))

/** A URL, or a path where source maps are in use. */
const FRAME = /((?:file:\/)?\/[^\s()]+?)(?:\?[^\s():]*)?:(\d+):(\d+)\)?$/

/** The message, and the innermost place in a file that is not ours. For logs: clients are not told of files. */
export function describeThrown(cause: unknown): string {
  const place = placeOf(cause)
  return place === undefined ? describe(cause) : `${describe(cause)} (at ${place})`
}

function placeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  for (const line of (cause.stack ?? '').split('\n')) {
    const [, url, row, column] = FRAME.exec(line) ?? []
    const path = url && pathOf(url)
    if (path !== undefined && !OURS.some(ours => path.startsWith(ours))) return `${path}:${row}:${column}`
  }
  return placeOf(cause.cause)
}

/** As an editor opens it. */
function pathOf(url: string): string {
  if (!url.startsWith('file:')) return url
  try {
    return decodeURIComponent(new URL(url).pathname)
  } catch {
    return url // a lone percent sign
  }
}
