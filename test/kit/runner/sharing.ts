/**
 * Files of tests that share a process. To start one and to load tap and what is tested takes a second or more, and many tests
 * take less. A file has a process of its own if it, or a part of the kit that it imports, changes or counts what belongs to the
 * whole process, or if it says so: `// Own process: why`. Between two files of a process the runner waits until nothing is left
 * that would keep the process alive: sockets, servers, timers and programs of one file are gone before the next one begins.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isSlow } from './slow-files.js'

/** Folders whose files may share: not benchmarks, and not what is about the project as a whole. */
const SHARING = /^dist\/test\/(?:core|rules|flow|plugins)\//
/** Files in one process: more save little, and a group has to end before the run does. */
const MOST = 10
/** Milliseconds from which a file gains little, and delays the others of its group. */
const LONG = 8000

const IMPORT = /^(?:import|export)\b(?:[^'"=;(]*\bfrom)? *'([^']+)'/gm
const OWN_PROCESS = new RegExp(
  [
    /^ *\/\/ Own process: /,
    /'node:(?:test|cluster|inspector|v8|vm)(?:\/promises)?'/,
    /\bprocess\.(?:on|once|off|emit|exit|exitCode|chdir|umask|argv|memoryUsage|cpuUsage)\b/,
    /\bprocess\.env\b(?:\.\w+|\[[^\]]*\])? *(?:[|&?]{2})?=[^=>]/,
    /\b(?:delete|Object\.assign\() *process\.env\b/,
    /\b(?:globalThis|liveNatives|natives\()/,
    /\.prototype\b/,
    /\.intercept\(/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'm',
)
/** Parts of the kit that do such a thing once, for all files of a process. */
const FOR_ALL: ReadonlySet<string> = new Set(
  ['at-end', 'child', 'handshakes', 'programs', 'reference', 'skipping'].map(
    name => `dist/test/kit/${name}.js`,
  ),
)

/**
 * The files in groups, each for one process, in the order of their first file.
 * @param files those that take longest first
 * @param time milliseconds of the last run, if known
 */
export function inGroups(
  files: readonly string[],
  time: (file: string) => number | undefined,
  read: (file: string) => string = file => readFileSync(file, 'utf8'),
): readonly (readonly string[])[] {
  const isLong = (file: string): boolean => (time(file) ?? (isSlow(file) ? LONG : 0)) >= LONG
  const shared = files.filter(file => SHARING.test(file) && !isLong(file) && mayShare(file, read)).sort()
  const groups = new Map<string, readonly string[]>()
  for (let at = 0; at < shared.length; at += MOST) {
    const group = shared.slice(at, at + MOST)
    for (const file of group) groups.set(file, group)
  }
  return [...new Set(files.map(file => groups.get(file) ?? file))].map(it =>
    typeof it === 'string' ? [it] : it,
  )
}

/** Whether nothing in a file, or in the tests' own code that it imports, is about the whole process. */
function mayShare(file: string, read: (file: string) => string): boolean {
  const seen = new Set<string>(FOR_ALL)
  const isFine = (path: string): boolean => {
    if (seen.has(path)) return true
    seen.add(path)
    const text = read(path)
    if (OWN_PROCESS.test(text)) return false
    return [...text.matchAll(IMPORT)]
      .map(([, specifier = '']) => specifier)
      .filter(specifier => specifier.startsWith('.'))
      .map(specifier => join(dirname(path), specifier))
      .filter(path => path.startsWith('dist/test/'))
      .every(isFine)
  }
  return isFine(file)
}
