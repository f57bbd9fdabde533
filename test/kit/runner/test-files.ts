import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const ROOT = 'dist/test'
const LAST = '.tap/durations.json'

/** Milliseconds by file, as measured in the last run on this machine. */
type Durations = Readonly<Record<string, number>>

/** A file that takes all processors by design. It says so, and runs with others of its kind: tests beside it would wait. */
const LOAD = /^\/\/ Load test: /m

/** The compiled tests, and how many of the other kind there are. */
export interface TestFiles {
  readonly files: readonly string[]
  readonly others: number
}

/**
 * The compiled tests of one kind, or those that are named.
 * @param wanted files and folders, as `test/flow/pool.test.ts` or `dist/test/flow`
 * @throws {Error} for one in which there is no test
 */
export function testFiles(wanted: readonly string[], isLoad: boolean): TestFiles {
  const all = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .map(name => join(ROOT, name))
    .filter(name => name.endsWith('.test.js'))
  if (wanted.length === 0) {
    const files = all.filter(file => LOAD.test(readFileSync(file, 'utf8')) === isLoad)
    return { files, others: all.length - files.length }
  }
  const chosen = new Set(wanted.flatMap(name => matching(name, all)))
  return { files: all.filter(file => chosen.has(file)), others: 0 }
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
