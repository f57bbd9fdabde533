/**
 * Portcullis beside other proxies: runs the comparison harness, or takes results it has left, and draws the table and
 * the plot.
 *
 *     npm run bench:peers -- [FOLDER] [--rounds N] [--storms N] [--job TEST:K=V,…]… [--contestant NAME:MODE]…
 *                            [--results FILE] [--quiet SHARE] [--write]
 *     npm run bench:peers -- --from FILE.jsonl… [--here] [--quiet SHARE] [--write]
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type About, describeHere, findAbout, keepAbout } from './peers/about.js'
import { findHarness, findInstalled, type Job, runHarness } from './peers/harness.js'
import { drawPlot } from './peers/plot.js'
import { putIntoPage } from './peers/readme.js'
import { parseResults, type Run } from './peers/results.js'
import { type Comparison, drawConditions, drawTable } from './peers/table.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const PLOT = 'docs/img/peers.svg'
const BASE = 'ats'
const JOBS = ['hs:dur=6,warm=5', 'ka:dur=6,warm=5', 'bulk:par=4', 'susp:n=1000', 'susp:n=9500']
const CONTESTANTS = ['portcullis:hook', 'ats:hook', 'squid:hook', 'nginx-fwd:none', 'node-naive:hook']
const USAGE = `usage: npm run bench:peers -- [FOLDER] [options]
  FOLDER               the comparison harness (default: PORTCULLIS_PEERS)
  --rounds N           rounds of each job (default 5)
  --storms N           rounds of the jobs susp (default 3)
  --job TEST:K=V,…     a job, may be repeated (default ${JOBS.join(' ')})
  --contestant NAME:MODE  may be repeated (default ${CONTESTANTS.join(' ')})
  --results FILE       where the harness writes (default: a new file among the temporary ones)
  --from FILE          draw these results, run nothing; may be repeated
  --here               with --from: the results were measured on this machine, with what is installed now
  --quiet SHARE        leave out runs in which other processes had more than this share of a core (0.15)
  --write              put table and plot into README.md and ${PLOT}`

const print = (line: string): void => void process.stdout.write(`${line}\n`)

class UsageError extends Error {}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        rounds: { type: 'string', default: '5' },
        storms: { type: 'string', default: '3' },
        job: { type: 'string', multiple: true, default: JOBS },
        contestant: { type: 'string', multiple: true, default: CONTESTANTS },
        results: { type: 'string' },
        from: { type: 'string', multiple: true },
        here: { type: 'boolean', default: false },
        quiet: { type: 'string' },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause))
  }
}

type Values = ReturnType<typeof readArguments>['values']

function positive(text: string, name: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`--${name} takes a number above 0, not ${text}`)
  return value
}

/** @returns the file of results */
function measure(folder: string | undefined, values: Values): string {
  const harness = findHarness(folder ?? process.env['PORTCULLIS_PEERS'])
  const contestants = findInstalled(values.contestant, print)
  const [rounds, storms] = [positive(values.rounds, 'rounds'), positive(values.storms, 'storms')]
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '')
  const results = values.results ?? join(tmpdir(), `portcullis-peers-${stamp}.jsonl`)
  const jobs = values.job.map((test): Job => {
    const isStorm = test.startsWith('susp')
    // A contestant without a hook can hold nothing.
    const able = contestants.filter(contestant => !isStorm || contestant.endsWith(':hook'))
    return { test, rounds: isStorm ? storms : rounds, contestants: able }
  })
  const names = contestants.map(contestant => contestant.split(':')[0] ?? '')
  keepAbout(results, describeHere(ROOT, names, new Date()))
  print(`results go to ${results}; draw them again with --from ${results}`)
  runHarness(harness, ROOT, results, jobs)
  if (!existsSync(results)) throw new Error(`the harness left no results in ${results}`)
  return results
}

function aboutOf(file: string, runs: readonly Run[], isHere: boolean): About {
  const when = statSync(file).mtime
  if (isHere) return describeHere(ROOT, [...new Set(runs.map(run => run.contestant.name))], when)
  const date = when.toISOString().slice(0, 10)
  const unknown = {
    date,
    machine: 'a machine that was not recorded',
    versions: ['Versions were not recorded'],
  }
  return findAbout(file) ?? unknown
}

function main(): void {
  const { values, positionals } = readArguments()
  if (values.help) return print(USAGE)
  if (positionals.length > 1) throw new UsageError(`one folder, not ${positionals.join(' ')}`)
  const quiet = values.quiet === undefined ? undefined : positive(values.quiet, 'quiet')
  const files = values.from ?? [measure(positionals[0], values)]
  const all = files.map(file => parseResults(readFileSync(file, 'utf8'), file))
  // A file's rounds are its own: runs of different files never stand next to each other.
  const runs = all.flatMap((some, i) => some.map((run): Run => ({ ...run, round: `${i}/${run.round}` })))
  const kept = runs.filter(({ foreign = 0 }) => foreign <= (quiet ?? Infinity))
  const [file = ''] = files
  if (kept.length === 0) throw new Error(`no results in ${files.join(', ')}`)
  const comparison: Comparison = { runs: kept, about: aboutOf(file, runs, values.here), base: BASE, quiet }
  print(`${drawTable(comparison)}\n\n${drawConditions(comparison)}`)
  if (!values.write) return
  const [readme, plot] = [join(ROOT, 'README.md'), join(ROOT, PLOT)]
  const page = putIntoPage(readFileSync(readme, 'utf8'), comparison, PLOT)
  mkdirSync(dirname(plot), { recursive: true })
  writeFileSync(plot, drawPlot(comparison))
  writeFileSync(readme, page)
  print(`\nwritten: README.md, ${PLOT}`)
}

try {
  main()
} catch (cause) {
  const isUsage = cause instanceof UsageError
  process.stderr.write(`bench:peers: ${cause instanceof Error ? cause.message : String(cause)}\n`)
  if (isUsage) process.stderr.write(`${USAGE}\n`)
  process.exitCode = isUsage ? 64 : 1
}
