/**
 * The programs that tests talk to, and the Debian packages that carry them: the one table, for `npm test`, for `.ci/run`
 * (which runs `npm test`) and for tests. A test that starts a program which is missing is skipped, with the package named.
 */
import { appendFileSync } from 'node:fs'
import { type Test, t } from 'tap'
import { findProgram, isCi, PROGRAMS, pathWithServers, SKIPS_FILE, type Skip } from './program-table.js'

export class ProgramMissing extends Error {
  readonly program: string
  constructor(program: string) {
    super(`needs ${program} (Debian package ${PROGRAMS[program]})`)
    this.name = 'ProgramMissing'
    this.program = program
  }
}

/**
 * Call it before a program is started. Outside CI a missing program ends the running test as skipped.
 * @returns the program's file, or the name of a program that is not in the table
 * @throws ProgramMissing when the table has the program and the machine has not
 */
export function requireProgram(program: string): string {
  if (!Object.hasOwn(PROGRAMS, program)) return program
  const file = findProgram(program)
  if (file === undefined) throw new ProgramMissing(program)
  return file
}

const found = (error: unknown): ProgramMissing | undefined =>
  error instanceof ProgramMissing
    ? error
    : error instanceof Error && error.cause !== undefined
      ? found(error.cause)
      : undefined

/**
 * A test ends as skipped, not as failed, when what it threw is a ProgramMissing. tap has one method for every error
 * that leaves a test; all its tests inherit it. In this way no test can forget to name a program that it starts.
 */
function skipTestsWithoutPrograms(): void {
  let holder: object = t
  while (!Object.hasOwn(holder, 'threw')) holder = Object.getPrototypeOf(holder)
  const prototype = holder as Pick<Test, 'threw'>
  const threw = prototype.threw
  prototype.threw = function (this: Test, error, extra, proxy) {
    const missing = found(error)
    if (missing === undefined || isCi()) {
      threw.call(this, error, extra, proxy)
      return
    }
    this.pass('stopped', { skip: missing.message })
    this.end()
    const file = process.env[SKIPS_FILE]
    const skip: Skip = { program: missing.program, test: this.fullname }
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(skip)}\n`)
  }
}

process.env['PATH'] = pathWithServers()
skipTestsWithoutPrograms()
