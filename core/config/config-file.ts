import { lstatSync, readFileSync } from 'node:fs'
import { type ErrorCode, ProxyError } from '../base/errors.js'
import { listError } from '../base/mistakes.js'
import { withoutCredentials } from '../base/text.js'
import { describe } from '../base/thrown.js'

/**
 * The text of a configuration file.
 * @param record that names the file, as errors call it
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, naming the file
 */
export function readConfigFile(file: string, record?: string): string {
  try {
    // A byte order mark is dropped by the decoder; anything that is not UTF-8 is refused rather than guessed.
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (cause) {
    throw unreadable(file, record, cause)
  }
}

/**
 * False only where a folder has no such name. What cannot be looked at, and a link that leads nowhere, are there: reading
 * them is an error, and not the same as an optional file that is missing.
 */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

export function unreadable(file: string, record: string | undefined, cause: unknown): ProxyError {
  const by = record === undefined ? '' : `${record}: `
  return new ProxyError('PTC_CONFIG_UNREADABLE', `${by}cannot read ${file}: ${describe(cause)}`, { cause })
}

/** One thing that is wrong in a configuration, and where: `etc/records.config:4`, an environment variable, a record. */
export interface Problem {
  readonly where: string
  readonly what: string
}

/** What was read from a text, and what is wrong with it. */
export type Reading<T> = T & { readonly wrong: readonly string[] }

/** The parts of a list, with blanks or commas between them. */
export const partsOf = (text: string): string[] => text.split(/[\s,]+/).filter(part => part !== '')

/** Line 9 comes before line 10. */
const PLACES = new Intl.Collator('en', { numeric: true })
const byPlace = (a: Problem, b: Problem): number => PLACES.compare(a.where, b.where)

/** One error for everything that is wrong, one line each. */
export function problemsError(code: ErrorCode, problems: readonly Problem[]): ProxyError {
  return listError(
    code,
    [...problems].sort(byPlace).map(({ where, what }) => `${where}: ${what}`),
  )
}

/**
 * Reads a text line by line, without empty lines and comments.
 * @param read takes a line, and returns what is wrong with it
 * @throws {ProxyError} with every bad line
 */
export function readLines(
  text: string,
  file: string,
  code: ErrorCode,
  read: (line: string, where: string) => string | undefined,
): void {
  const problems: Problem[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    const where = `${file}:${index + 1}`
    const what = line === '' || line.startsWith('#') ? undefined : read(line, where)
    if (what !== undefined) problems.push({ where, what })
  }
  if (problems.length > 0) throw problemsError(code, problems)
}

/** The same for a file of lines that each say one thing. @param read returns it, or a text that says what is wrong */
export function readItems<T extends object>(
  text: string,
  file: string,
  code: ErrorCode,
  read: (line: string, where: string) => T | string,
): readonly T[] {
  const items: T[] = []
  readLines(text, file, code, (line, where) => {
    const item = read(line, where)
    if (typeof item === 'string') return item
    items.push(item)
    return undefined
  })
  return items
}

/** Text of the operator's, safe to print: without credentials of a URL, shortened, and its control characters made visible. */
export function quote(text: string): string {
  const shown = withoutCredentials(text)
  return JSON.stringify(shown.length > 80 ? `${shown.slice(0, 77)}...` : shown)
}
