/**
 * `npm test [-- [--jobs=N] [--output-file=FILE] [FILE|FOLDER...]]`, and `npm run test:load` for the load tests: looks for the programs that tests need, installs the
 * missing ones where it may, runs the tests, and ends with a line that counts those which were skipped. Under CI nothing is
 * skipped.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isCi, missingPrograms, PROGRAMS, SKIPS_FILE, type Skip } from './program-table.js'
import { runAll } from './runner/run-all.js'
import { makeTempDir } from './temp-dir.js'

const packagesOf = (programs: readonly string[]): string =>
  programs.map(program => `${program} (${PROGRAMS[program]})`).join(', ')

/** How root's commands start, or undefined where this user may not give them without a password. */
function asRoot(): readonly string[] | undefined {
  if (process.getuid?.() === 0) return []
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : undefined
}

function run(command: readonly string[]): boolean {
  console.log(`tests: ${command.join(' ')}`)
  const [program = '', ...args] = command
  return spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0
}

function install(missing: readonly string[]): void {
  const root = asRoot()
  const packages = [...new Set(missing.flatMap(program => (PROGRAMS[program] ?? program).split(' ')))]
  if (root === undefined || !existsSync('/usr/bin/apt-get')) {
    console.log(`tests: not installed, for that takes root or sudo, and apt-get: ${packages.join(' ')}`)
    return
  }
  const aptGet = [...root, 'env', 'DEBIAN_FRONTEND=noninteractive', '/usr/bin/apt-get']
  const isDone =
    run([...aptGet, 'update', '-qq']) &&
    run([...aptGet, 'install', '-qq', '--no-install-recommends', ...packages])
  if (!isDone) console.log('tests: apt-get failed')
}

const atFirst = missingPrograms()
if (atFirst.length > 0) {
  console.log(`tests: missing programs: ${packagesOf(atFirst)}`)
  install(atFirst)
}

const dir = makeTempDir()
const skips = join(dir.path, 'skips')
process.env[SKIPS_FILE] = skips
const isGood = await runAll(process.argv.slice(2))

const lines = existsSync(skips) ? readFileSync(skips, 'utf8').trim().split('\n') : []
const skipped = lines.map((line): Skip => JSON.parse(line))
dir.remove()
for (const { program, test } of skipped) {
  console.log(`skipped: ${test}: needs ${program} (Debian package ${PROGRAMS[program]})`)
}
if (isCi() && skipped.length > 0) throw new Error('tests were skipped under CI')
const without = [...new Set(skipped.map(({ program }) => program))]
console.log(
  skipped.length === 0
    ? 'tests: none skipped for a missing program'
    : `tests: ${skipped.length} skipped for missing programs: ${packagesOf(without)}`,
)
process.exitCode = isGood ? 0 : 1
