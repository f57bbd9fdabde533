/**
 * Files of tests that share a process. To start one and to load tap and what is tested takes a second or more, and many tests
 * take less. A file has a process of its own if it, or a part of the kit that it imports, changes or measures what belongs to the
 * whole process, or if it says so: `// Own process: why`. Between two files of a process the runner waits until nothing is left
 * that would keep the process alive: sockets, servers, timers and programs of one file are gone before the next one begins.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { KNOWN_TIMES } from './slow-files.js'

/** Folders whose files may share: not benchmarks, and not what is about the project as a whole. */
const SHARING = /^dist\/test\/(?:core|rules|flow|plugins|kit\/(?!runner|demo))/
/** Files in one process. */
const MOST = 10
/** Milliseconds of a process: it has to end before the run does, also beside others that take most of the processors. */
const LONGEST = 30_000
/** Milliseconds of a file of which nothing is known. */
const USUAL = 1000

const IMPORT = /^(?:import|export)\b(?:[^'"=;(]*\bfrom)? *'([^']+)'/gm
const OWN_PROCESS = new RegExp(
  [
    /^ *\/\/ Own process: /,
    /'node:(?:test|cluster|inspector|v8|vm)(?:\/promises)?'/,
    /\bprocess\.(?:on|once|off|emit|exit|exitCode|chdir|umask|argv|memoryUsage|cpuUsage)\b/,
    /\bprocess\.env\b(?:\.\w+|\[[^\]]*\])? *(?:[|&?]{2})?=[^=>]/,
    /\b(?:delete|Object\.assign\() *process\.env\b/,
    /\bglobalThis\b/,
    /\.prototype\b/,
    /\.intercept\(/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'm',
)
/** Parts of the kit that do such a thing once, for all files of a process. */
const FOR_ALL: ReadonlySet<string> = new Set(
  ['at-end', 'child', 'garbage', 'handshakes', 'programs', 'reference', 'skipping', 'wall-clock'].map(
    name => `dist/test/kit/${name}.js`,
  ),
)

/**
 * The files in groups, each for one process, those first that will take longest.
 * @param time milliseconds of the last run, if known
 */
export function inGroups(
  files: readonly string[],
  time: (file: string) => number | undefined,
  read: (file: string) => string = file => readFileSync(file, 'utf8'),
): readonly (readonly string[])[] {
  const timeOf = (file: string): number => time(file) ?? KNOWN_TIMES.get(file) ?? USUAL
  const groups: { readonly files: string[]; time: number }[] = []
  let last: (typeof groups)[number] | undefined
  for (const file of [...files].sort()) {
    const isShared = SHARING.test(file) && mayShare(file, read)
    const hasRoom = last && last.files.length < MOST && last.time + timeOf(file) <= LONGEST
    if (isShared && last && hasRoom) {
      last.files.push(file)
      last.time += timeOf(file)
      continue
    }
    const group = { files: [file], time: timeOf(file) }
    groups.push(group)
    if (isShared && group.time < LONGEST) last = group
  }
  return groups.sort((a, b) => b.time - a.time).map(({ files }) => files)
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
