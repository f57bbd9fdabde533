/**
 * What a test calls before it starts a program. A test that starts a program which is missing is skipped, with the package
 * named.
 */
import { findProgram, isKnownProgram, PROGRAMS, ProgramMissing, pathWithServers } from './program-table.js'

/**
 * Call it before a program is started. Outside CI a missing program ends the running test as skipped.
 * @returns the program's file, or the name of a program that every machine has
 * @throws ProgramMissing when the table has the program and the machine has not
 * @throws Error for a program without an entry: it would be missing on the machine of another
 */
export function requireProgram(program: string): string {
  if (!isKnownProgram(program)) throw new Error(`${program} has no entry in test/kit/program-table.ts`)
  if (!Object.hasOwn(PROGRAMS, program)) return program
  const file = findProgram(program)
  if (file === undefined) throw new ProgramMissing(program)
  return file
}

process.env['PATH'] = pathWithServers()
// The demo and the benchmarks start programs as well, and are no tests.
if (process.env['TAP'] === '1') (await import('./skipping.js')).skipTestsWithoutPrograms()
