import { isAbsolute, resolve } from 'node:path'

/** A program and its arguments, as they are started: no shell reads them. */
export interface CommandLine {
  readonly program: string
  readonly args: readonly string[]
}

/** The option `cmd=` of plugins that start a program. */
export const CMD_OPTION = {
  type: 'string',
  minLength: 1,
  description: 'The program and its arguments, as one quoted token: "cmd=PROGRAM ARGS". No shell reads it.',
} as const

const WORD = /(?:'[^']*'|\\.|[^\s'\\])+/gs
const PART = /'([^']*)'|\\(.)|([^\s'\\]+)/gs

/**
 * Reads `PROGRAM ARGS`. Blanks separate words; single quotes keep blanks, a backslash keeps the next character. A program
 * with a slash in its path begins in `folder`; one without is looked up in PATH.
 * @throws {Error} when there is no program, or a quote is not closed
 */
export function parseCommandLine(text: string, folder: string): CommandLine {
  const words = (text.match(WORD) ?? []).map(word =>
    [...word.matchAll(PART)].map(([, quoted, escaped, plain]) => quoted ?? escaped ?? plain ?? '').join(''),
  )
  const [name, ...args] = words
  const rest = text.replace(WORD, '').trim()
  if (name === undefined || name === '') throw new Error('names no program')
  if (rest !== '') throw new Error(`has a quote or a backslash too many: ${text}`)
  const program = name.includes('/') && !isAbsolute(name) ? resolve(folder, name) : name
  return { program, args }
}
