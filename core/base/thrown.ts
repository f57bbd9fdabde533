import { fileURLToPath } from 'node:url'
import { types } from 'node:util'

/**
 * What was thrown, in words. A plugin may throw anything: an object without a prototype, a proxy whose traps throw, an
 * error with getters of its own. These functions never throw, and what they return is bounded. Nothing else in the
 * program looks into what was caught (test/rules).
 */

/** Characters of a message: it goes into a line of the log, and into the page and a header field of a response. */
export const MAX_MESSAGE = 1000
/** Characters of a text that a plugin writes to the log in one call. */
export const MAX_LOG_TEXT = 16_384
/** Characters of a stack. */
export const MAX_STACK = 8192
const MAX_CAUSES = 8
/** Longer ones take long to write out. */
const MAX_BIGINT = 2n ** 128n

/** What this program is made of; the error of a plugin that calls it in a wrong way names the plugin's line. */
const OURS = ['../', '../../../core/'].map(path => fileURLToPath(new URL(path, import.meta.url)))

/** Row and column at the end of a line of a stack. */
const POSITION = /:(\d{1,9}):(\d{1,9})\)?$/

/** The message of anything that was thrown. */
export function describe(cause: unknown): string {
  return clip(messageOf(cause), MAX_MESSAGE)
}

/** The message, and the innermost place in a file that is not ours. For logs: no reply to a client names a file. */
export function describeThrown(cause: unknown): string {
  const place = placeOf(cause)
  return place === undefined ? describe(cause) : `${describe(cause)} (at ${place})`
}

/** The stack of an error, if it has one. */
export function stackOf(cause: unknown): string | undefined {
  const stack = isError(cause) ? propertyOf(cause, 'stack') : undefined
  return typeof stack === 'string' ? clip(stack, MAX_STACK) : undefined
}

/** The class of an error by its name (`SyntaxError`); empty for what is no error. */
export function classOf(cause: unknown): string {
  const name = isError(cause) ? propertyOf(cause, 'name') : undefined
  return typeof name === 'string' ? clip(name, MAX_MESSAGE) : ''
}

/**
 * What a plugin writes to the log, for its own call of that. One in plain JavaScript may pass anything: an error is
 * written with its place, what says itself what it is as it says.
 */
export function toLogText(value: unknown): string {
  if (isError(value)) return describeThrown(value)
  try {
    return clip(String(value), MAX_LOG_TEXT)
  } catch {
    return describe(value)
  }
}

/** At most `max` characters of a text, and how many it had. What is cut off is not kept in memory. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text
  return `${Buffer.from(text.slice(0, max)).toString()}... (${text.length} characters)`
}

function messageOf(cause: unknown): string {
  if (typeof cause === 'function') return 'a function was thrown'
  if (typeof cause === 'bigint') return cause < MAX_BIGINT && cause > -MAX_BIGINT ? String(cause) : 'a bigint'
  if (typeof cause !== 'object' || cause === null) return String(cause)
  const message = propertyOf(cause, 'message')
  const what = isError(cause) ? 'an error' : 'an object'
  if (typeof message !== 'string')
    return `${what} ${message === undefined ? 'without a message' : 'whose message is no string'}`
  if (message !== '') return message
  const [code, name] = [propertyOf(cause, 'code'), propertyOf(cause, 'name')]
  if (typeof code === 'string' && code !== '') return code
  return typeof name === 'string' && name !== '' ? name : `${what} without a message`
}

function placeOf(cause: unknown): string | undefined {
  for (let i = 0, at = cause; i < MAX_CAUSES && isError(at); i += 1, at = propertyOf(at, 'cause')) {
    for (const line of stackOf(at)?.split('\n') ?? []) {
      const found = placeIn(line)
      if (found !== undefined) return found
    }
  }
  return undefined
}

/** The place in a frame: a URL with a query of its own, or a path where source maps are in use. */
function placeIn(line: string): string | undefined {
  const [position, row, column] = POSITION.exec(line) ?? []
  if (position === undefined) return undefined
  const before = line.slice(0, -position.length)
  const source = before.slice(Math.max(before.lastIndexOf(' '), before.lastIndexOf('(')) + 1)
  if (!/^(file:\/)?\//.test(source)) return undefined
  const path = pathOf(source.replace(/\?[^/]*$/, ''))
  return OURS.some(ours => path.startsWith(ours)) ? undefined : `${path}:${row}:${column}`
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

/** A proxy is none: to ask it anything would run its traps. */
function isError(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false
  try {
    return types.isNativeError(value) || value instanceof Error
  } catch {
    return false // a proxy among its prototypes
  }
}

/** One property of anything; undefined where it cannot be read. */
export function propertyOf(from: unknown, name: string): unknown {
  if (typeof from !== 'object' || from === null || types.isProxy(from)) return undefined
  try {
    return Reflect.get(from, name)
  } catch {
    return undefined // a getter that throws
  }
}

/** The `code` of an error of Node or the operating system (`ECONNRESET`, `HPE_INVALID_METHOD`); empty without one. */
export function codeOf(error: unknown): string {
  const code = propertyOf(error, 'code')
  return typeof code === 'string' ? code : ''
}
