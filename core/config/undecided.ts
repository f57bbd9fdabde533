import { join } from 'node:path'
import { isThere, readConfigFile, readLines } from './config-file.js'

/** Written by `portcullis migrate`: restrictions of the other proxy that this folder does not keep. */
export const UNDECIDED_FILE = 'undecided.config'

/**
 * Refuses a folder in which something is undecided: a line of the file that is no comment.
 * @throws {ProxyError} PTC_UNDECIDED, with every line
 */
export function checkUndecided(confDir: string): void {
  const file = join(confDir, UNDECIDED_FILE)
  if (isThere(file)) readLines(readConfigFile(file), file, 'PTC_UNDECIDED', line => line)
}
