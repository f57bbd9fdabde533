/** The comparison harness: a folder of scripts outside this project, which knows the other proxies and how to load them. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'

const SCRIPTS = ['bench.py', 'run-all.sh', 'origin.sh']
const TOOLS = ['bash', 'python3', 'taskset', 'curl', 'wrk', 'nginx']
/** The program of each contestant that may be missing. */
const PROGRAMS: Readonly<Record<string, string>> = {
  ats: 'traffic_server',
  'ats-sleep': 'traffic_server',
  squid: 'squid',
  'squid-cached': 'squid',
  'squid-defconc': 'squid',
  'nginx-fwd': 'nginx',
  mitmproxy: 'mitmdump',
}

/** @throws {Error} that says how to name one */
export function findHarness(named: string | undefined): string {
  const how = 'name its folder: npm run bench:peers -- FOLDER, or PORTCULLIS_PEERS=FOLDER'
  if (named === undefined || named === '')
    throw new Error(`the comparison harness is no part of this project; ${how}`)
  const missing = SCRIPTS.filter(script => !existsSync(join(named, script)))
  if (missing.length > 0)
    throw new Error(`${named} is not the comparison harness, it lacks ${missing.join(', ')}; ${how}`)
  return resolve(named)
}

/**
 * Those of the contestants, `NAME:MODE`, whose programs are here.
 * @throws {Error} when a tool is missing without which nothing can be measured
 */
export function findInstalled(
  contestants: readonly string[],
  print: (line: string) => void,
): readonly string[] {
  const missing = TOOLS.filter(tool => !isInstalled(tool))
  if (missing.length > 0)
    throw new Error(
      `not installed: ${missing.join(', ')}; the setup script of the harness installs what it needs`,
    )
  return contestants.filter(contestant => {
    const program = PROGRAMS[contestant.split(':')[0] ?? '']
    if (program === undefined || isInstalled(program)) return true
    print(`${contestant} is left out: ${program} is not installed`)
    return false
  })
}

/** Where the distributions put programs for operators, whatever PATH says. */
const ALSO = ['/usr/sbin', '/usr/local/sbin']

function isInstalled(program: string): boolean {
  return [...(process.env['PATH'] ?? '').split(delimiter), ...ALSO].some(dir => {
    const file = join(dir, program)
    try {
      accessSync(file, constants.X_OK)
      return statSync(file).isFile()
    } catch {
      return false
    }
  })
}

export interface Job {
  /** As the harness takes it: `susp:n=1000`. */
  readonly test: string
  readonly rounds: number
  readonly contestants: readonly string[]
}

/** Starts the origin, does the jobs one after another, and stops the origin if it did not run before. */
export function runHarness(harness: string, root: string, results: string, jobs: readonly Job[]): void {
  // The contestants that are Node programs are to run on this very Node.
  const path = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`
  const env = { ...process.env, PATH: path, RESULTS: results, PORTCULLIS_HOME: root }
  const run = (script: string, ...args: readonly string[]): number =>
    spawnSync(join(harness, script), args, { env, stdio: ['ignore', 'inherit', 'inherit'] }).status ?? -1
  const didRun = spawnSync(join(harness, 'origin.sh'), ['status'], { env, stdio: 'ignore' }).status === 0
  if (!didRun && run('origin.sh', 'start') !== 0)
    throw new Error('the origin of the harness did not start; its setup script has to be run once')
  try {
    // A run that fails says so in its own line of the results.
    for (const { test, rounds, contestants } of jobs) run('run-all.sh', String(rounds), test, ...contestants)
  } finally {
    if (!didRun) run('origin.sh', 'stop')
  }
}
