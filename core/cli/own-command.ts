import { existsSync, realpathSync } from 'node:fs'
import { delimiter, isAbsolute, join, relative } from 'node:path'
import { COMMANDS } from './command-table.js'

/** Where the program was started. */
export interface Start {
  /** The program's own file. */
  readonly script: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

const NAME = 'portcullis'

/**
 * How a user begins a command in the shell from which the program was started: `portcullis` where the shell finds it,
 * `npx portcullis` where npm does, else `node` and the file.
 */
export function ownCommand({ script, cwd, env }: Start): string {
  const isThis = (folder: string): boolean => isSameFile(join(folder, NAME), script)
  // npm puts its folders on the path of what it starts; the shell does not have them.
  const path = (env['PATH'] ?? '').split(delimiter).filter(folder => !folder.includes('node_modules'))
  if (path.some(isThis)) return NAME
  if (isThis(join(cwd, 'node_modules', '.bin'))) return `npx ${NAME}`
  return `node ${shellWord(nearPath(cwd, script))}`
}

const isSameFile = (a: string, b: string): boolean => existsSync(a) && realpathSync(a) === realpathSync(b)

/** Relative to the current folder where the path leads down from it, else absolute. */
export function nearPath(cwd: string, path: string): string {
  const near = relative(cwd, path)
  return near === '' ? '.' : near.startsWith('..') || isAbsolute(near) ? path : near
}

/** A word as a shell reads it. */
export const shellWord = (word: string): string =>
  /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

const FIRST_WORDS: ReadonlySet<string> = new Set(Object.keys(COMMANDS).map(name => name.split(' ')[0] ?? ''))
/** Commands in messages: at the begin of a line, or behind a blank, a quote or a parenthesis. */
const IN_TEXT = /(?<=^|[\s`(])portcullis (?=([a-z-]+))/gm

/** A message of ours for a user: its commands work in the shell from which the program was started. */
export function withOwnCommand(text: string, start: Start): string {
  return text.replace(IN_TEXT, (found, word: string) =>
    FIRST_WORDS.has(word) ? `${ownCommand(start)} ` : found,
  )
}
