/** Tests that need a missing program are skipped. Loaded by processes of tap alone: its root test has a time limit. */
import { appendFileSync } from 'node:fs'
import { type Test, t } from 'tap'
import { isCi, ProgramMissing, SKIPS_FILE, type Skip } from './program-table.js'

/** The missing program that is behind an error; undefined: it has another cause, or nothing may be skipped. */
export const missingBehind = (error: unknown): ProgramMissing | undefined => {
  if (isCi()) return undefined
  if (error instanceof ProgramMissing) return error
  return error instanceof Error ? missingBehind(error.cause) : undefined
}

/** One assertion stands for what was skipped. @param what a test, or a case of one */
export function skip(t: Test, what: string, { program, message }: ProgramMissing): void {
  t.pass('stopped', { skip: message })
  const file = process.env[SKIPS_FILE]
  const noted: Skip = { program, test: what }
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(noted)}\n`)
}

/**
 * A test ends as skipped, not as failed, when what it threw is a ProgramMissing. tap has one method for every error
 * that leaves a test; all its tests inherit it. In this way no test can forget to name a program that it starts.
 */
export function skipTestsWithoutPrograms(): void {
  let holder: object = t
  while (!Object.hasOwn(holder, 'threw')) holder = Object.getPrototypeOf(holder)
  const prototype = holder as Pick<Test, 'threw'>
  const threw = prototype.threw
  const skipped = new WeakSet<Test>()
  prototype.threw = function (this: Test, error, extra, proxy) {
    // What still runs of a skipped test meets its own teardown.
    if (skipped.has(this)) return
    const missing = missingBehind(error)
    if (missing === undefined) {
      threw.call(this, error, extra, proxy)
      return
    }
    skipped.add(this)
    skip(this, this.fullname, missing)
    this.end()
  }
}
