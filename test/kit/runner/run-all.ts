import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { makeTempDir } from '../temp-dir.js'
import { type Room, roomFor, roomOfMachine } from './idle.js'
import { asTap, describeResult, isGood, summary } from './report.js'
import { endRunning, type FileResult, runGroup } from './run-file.js'
import { inGroups } from './sharing.js'
import { keepDurations, lastDurations, testFiles } from './test-files.js'
import { inTurns } from './turns.js'

/**
 * Runs tests, several files at a time, and prints what came of each.
 * @param args of `npm test`: files and folders, `--load` for the load tests in place of all others, `--jobs=N`,
 *   `--output-file=FILE` for the whole as TAP
 * @returns whether all is in order
 */
export async function runAll(args: readonly string[]): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { jobs: { type: 'string' }, load: { type: 'boolean' }, 'output-file': { type: 'string' } },
  })
  const jobs = values.jobs === undefined ? undefined : Number(values.jobs)
  if (jobs !== undefined && (!Number.isInteger(jobs) || jobs < 1))
    throw new Error('--jobs is a number of files at a time, from 1')
  const begun = performance.now()
  const isLoad = values.load === true
  const { files, others } = testFiles(positionals, isLoad)
  const results = await runFiles(files, jobs === undefined ? roomOfMachine() : roomFor(jobs))
  keepDurations(Object.fromEntries(results.map(({ file, milliseconds }) => [file, Math.round(milliseconds)])))
  if (values['output-file'] !== undefined) writeFileSync(values['output-file'], asTap(results))
  console.log(summary(results, performance.now() - begun))
  if (others > 0)
    console.log(`tests: ${others} other files run with \`npm ${isLoad ? 'test' : 'run test:load'}\``)
  return results.every(isGood)
}

async function runFiles(files: readonly string[], room: Room): Promise<readonly FileResult[]> {
  const dir = makeTempDir()
  const stop = (signal: NodeJS.Signals): void => {
    endRunning()
    dir.remove()
    process.kill(process.pid, signal)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop)
  const results: FileResult[] = []
  const last = lastDurations()
  const groups = inGroups(files, file => last[file])
  await inTurns(groups, room, async group => {
    for (const result of await runGroup(group, dir.path)) {
      results.push(result)
      console.log(describeResult(result))
    }
  })
  dir.remove()
  return results
}
