import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { SLOW_FILES } from './slow-files.js'

const ROOT = 'dist/test'
/** They take longer than units as a rule. */
const STORIES = 'dist/test/flow/'
const LAST = '.tap/durations.json'

/** Milliseconds by file, as measured in the last run on this machine. */
type Durations = Readonly<Record<string, number>>

/**
 * The compiled tests, those first that took longest in the last run, or that are known as slow: a long one that began last
 * would be waited for.
 * @param wanted files and folders, as `test/flow/pool.test.ts` or `dist/test/flow`; none for all
 * @throws {Error} for one in which there is no test
 */
export function testFiles(wanted: readonly string[]): readonly string[] {
  const all = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .map(name => join(ROOT, name))
    .filter(name => name.endsWith('.test.js'))
  const last = lastDurations()
  const isFirst = Object.keys(last).length === 0
  // A file that is not known yet is taken for a long one.
  const time = (file: string): number => (isFirst ? slowness(file) : (last[file] ?? Number.POSITIVE_INFINITY))
  const longestFirst = [...all].sort((a, b) => (time(a) === time(b) ? a.localeCompare(b) : time(b) - time(a)))
  if (wanted.length === 0) return longestFirst
  const chosen = new Set(wanted.flatMap(name => matching(name, all)))
  return longestFirst.filter(file => chosen.has(file))
}

function slowness(file: string): number {
  const at = SLOW_FILES.indexOf(file)
  if (at !== -1) return SLOW_FILES.length - at
  return file.startsWith(STORIES) ? 0.5 : 0
}

function matching(name: string, all: readonly string[]): readonly string[] {
  const inRoot = relative('.', name).replace(/\.ts$/, '.js')
  const compiled = inRoot.startsWith('dist/') ? inRoot : join('dist', inRoot)
  const found = all.filter(file => file === compiled || file.startsWith(`${compiled}/`))
  if (found.length === 0) throw new Error(`there is no test in ${name}`)
  return found
}

/** As the last run has left them. */
export function lastDurations(): Durations {
  try {
    return JSON.parse(readFileSync(LAST, 'utf8')) as Durations
  } catch {
    return {} // the first run here, or a run that was cut off
  }
}

/** Keeps them for the order of the next run. Files that did not run keep what was known. */
export function keepDurations(durations: Durations): void {
  mkdirSync(dirname(LAST), { recursive: true })
  writeFileSync(LAST, JSON.stringify({ ...lastDurations(), ...durations }))
}
