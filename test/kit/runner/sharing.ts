/**
 * Files of tests that share a process. To start one and to load tap and what is tested takes a third of a second or more, and
 * the tests of most units less. A file has a process of its own if it, or a part of the kit that it imports, starts processes
 * or threads, changes what is global, or counts what is there in the whole process.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Tests of units. */
const UNITS = /^dist\/test\/(?:core|rules)\//
/** Files in one process: more save little, and a group has to end before the run does. */
const MOST = 10
/** Milliseconds from which a file gains little, and delays the others of its group. */
const LONG = 5000

const IMPORT = /^(?:import|export)\b[^'"]*?'([^']+)'/gm
const OWN_PROCESS = new RegExp(
  [
    /'node:(?:test|child_process|worker_threads|cluster|v8|vm|diagnostics_channel|net|dgram|dns|tls|https?|http2)(?:\/promises)?'/,
    /\bprocess\.(?:on|once|off|emit|exit|exitCode|chdir|umask|argv|memoryUsage)\b/,
    /\bprocess\.env\b[^=\n]*[^=!]=[^=]/,
    /\b(?:globalThis|ProxyServer|liveNatives|liveHandshakes|import\()/,
    /\.prototype\b/,
  ]
    .map(({ source }) => source)
    .join('|'),
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
  const shared = files
    .filter(file => UNITS.test(file) && (time(file) ?? 0) < LONG && mayShare(file, read))
    .sort()
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
  const seen = new Set<string>()
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
