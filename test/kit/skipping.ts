/** Tests that need a missing program are skipped. Loaded by processes of tap alone: its root test has a time limit. */
import { appendFileSync } from 'node:fs'
import { type Test, t } from 'tap'
import { isCi, ProgramMissing, SKIPS_FILE, type Skip } from './program-table.js'

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
export function skipTestsWithoutPrograms(): void {
  let holder: object = t
  while (!Object.hasOwn(holder, 'threw')) holder = Object.getPrototypeOf(holder)
  const prototype = holder as Pick<Test, 'threw'>
  const threw = prototype.threw
  const skipped = new WeakSet<Test>()
  prototype.threw = function (this: Test, error, extra, proxy) {
    // What still runs of a skipped test meets its own teardown.
    if (skipped.has(this)) return
    const missing = found(error)
    if (missing === undefined || isCi()) {
      threw.call(this, error, extra, proxy)
      return
    }
    skipped.add(this)
    this.pass('stopped', { skip: missing.message })
    this.end()
    const file = process.env[SKIPS_FILE]
    const skip: Skip = { program: missing.program, test: this.fullname }
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(skip)}\n`)
  }
}
