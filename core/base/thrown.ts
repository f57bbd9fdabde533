/** What a plugin throws, for whoever wrote it: the log says where, because a message alone seldom does. */
import { describe } from './errors.js'

/** What this program is made of; a plugin that calls it in a wrong way is told where it did. */
const CORE = new URL('../', import.meta.url).href

const FRAME = /(file:\/\/[^\s()]+?)(?:\?[^\s():]*)?:(\d+):(\d+)\)?$/

/** The message, and the innermost place in a file that is not ours. For logs: clients are not told of files. */
export function describeThrown(cause: unknown): string {
  const place = placeOf(cause)
  return place === undefined ? describe(cause) : `${describe(cause)} (at ${place})`
}

function placeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  for (const line of (cause.stack ?? '').split('\n')) {
    const [, url = CORE, row, column] = FRAME.exec(line) ?? []
    if (!url.startsWith(CORE)) return `${pathOf(url)}:${row}:${column}`
  }
  return placeOf(cause.cause)
}

/** As an editor opens it. */
function pathOf(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname)
  } catch {
    return url // a lone percent sign
  }
}
