import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Place } from '../program/place.js'
import type { CommandName } from './command-table.js'
import { withOwnCommand } from './own-command.js'

/** What a command takes from the process that it runs in; a test gives its own. */
export interface Shell {
  readonly cwd: string
  readonly env: Place['env']
  readonly print: Place['print']
  /** Called once the command is known, before it runs. */
  readonly begins?: (name: CommandName) => void
}

/** Where the program is installed. */
export const HOME = new URL('../../../', import.meta.url)

export function version(): string {
  const text = readFileSync(new URL('package.json', HOME), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

const SCRIPT = fileURLToPath(new URL('../main.js', import.meta.url))

/** A message of ours, with commands that work in this shell. */
export const usable = (text: string, { cwd, env }: Shell): string =>
  withOwnCommand(text, { script: SCRIPT, cwd, env })

/** Prints such messages. */
export const toStdout =
  (shell: Shell): ((line: string) => void) =>
  line =>
    shell.print('stdout', usable(line, shell))
