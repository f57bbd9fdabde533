import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const ROOT = 'dist/test'
const LAST = '.tap/durations.json'

/** Milliseconds by file, as measured in the last run on this machine. */
type Durations = Readonly<Record<string, number>>

/**
 * The compiled tests.
 * @param wanted files and folders, as `test/flow/pool.test.ts` or `dist/test/flow`; none for all
 * @throws {Error} for one in which there is no test
 */
export function testFiles(wanted: readonly string[]): readonly string[] {
  const all = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .map(name => join(ROOT, name))
    .filter(name => name.endsWith('.test.js'))
  if (wanted.length === 0) return all
  const chosen = new Set(wanted.flatMap(name => matching(name, all)))
  return all.filter(file => chosen.has(file))
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
