/**
 * The programs that tests talk to, and the Debian packages that carry them: the one table, for `npm test`, for `.ci/run`
 * (which runs `npm test`) and for tests. A test that starts a program which is missing is skipped, with the package named.
 */
import { accessSync, appendFileSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Test, t } from 'tap'

/** Program to Debian package, or to several with blanks between them. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  certutil: 'libnss3-tools',
  chromium: 'chromium',
  curl: 'curl',
  git: 'git',
  memcached: 'memcached',
  nginx: 'nginx-light',
  openssl: 'openssl',
  python3: 'python3',
  'redis-server': 'redis-server',
  security_fake_certverify: 'squid-openssl libcrypt-openssl-x509-perl',
  telnet: 'telnet',
  wget: 'wget',
}

/** Where nginx and the helpers of Squid lie, which are not on the path of a plain user. */
const ALSO = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/lib/squid']

/** PATH, and the folders of servers behind it. */
export const pathWithServers = (path = process.env['PATH'] ?? ''): string =>
  [...new Set([...path.split(delimiter).filter(folder => folder !== ''), ...ALSO])].join(delimiter)

/** Names the file in which skipped tests are noted, one JSON line each. `npm test` sets it. */
export const SKIPS_FILE = 'PORTCULLIS_TEST_SKIPS'

/** One test that was skipped for a missing program. */
export interface Skip {
  readonly program: string
  readonly test: string
}

/** True in CI: a missing program is a failure there. */
export const isCi = (env = process.env): boolean => !['', '0', 'false'].includes(env['CI'] ?? '')

/** The file that runs when the program is started by its name, or undefined. */
export function findProgram(program: string, path = pathWithServers()): string | undefined {
  const files = path.split(delimiter).map(folder => join(folder, program))
  return files.find(file => {
    try {
      accessSync(file, constants.X_OK)
      return statSync(file).isFile()
    } catch {
      return false
    }
  })
}

/** The programs of the table that this machine lacks. */
export const missingPrograms = (path = pathWithServers()): string[] =>
  Object.keys(PROGRAMS).filter(program => findProgram(program, path) === undefined)

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
