import { join } from 'node:path'
import { isThere, problemsError, readConfigFile } from './config-file.js'

/** Written by `portcullis migrate`: restrictions of the other proxy that this folder does not keep. */
export const UNDECIDED_FILE = 'undecided.config'

/**
 * Refuses a folder in which something is undecided: a line of the file that is no comment.
 * @throws {ProxyError} PTC_UNDECIDED, with every line
 */
export function checkUndecided(confDir: string): void {
  const file = join(confDir, UNDECIDED_FILE)
  if (!isThere(file)) return
  const problems = readConfigFile(file)
    .split('\n')
    .map((line, i) => ({ where: `${file}:${i + 1}`, what: line.trim() }))
    .filter(({ what }) => what !== '' && !what.startsWith('#'))
  if (problems.length > 0) throw problemsError('PTC_UNDECIDED', problems)
}
