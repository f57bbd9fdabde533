/** The files of a configuration: which may be missing, and which are there and mean nothing here. */
import { basename, join } from 'node:path'
import { isThere, type Problem, problemsError } from '../config/config-file.js'
import { ignoredBeside, overriddenBeside } from '../config/record-place.js'
import { recordsFile } from '../config/records.js'
import type { Records } from '../config/records-table.js'
import { unreadNeighbours } from '../config/traffic-server/neighbours.js'

/** Files that records name. */
interface NamedFiles {
  readonly access: {
    readonly ipAllow: { readonly path: string }
    readonly templates: { readonly path: string } | undefined
  }
  readonly verification: { readonly rules: { readonly path: string } }
}

/** The files of a configuration that may be missing at a start, and those of them that are there. */
export interface OptionalFiles {
  /** Absolute. */
  readonly found: ReadonlySet<string>
  /** What is missing and is usually there, as warnings. */
  readonly missing: readonly string[]
}

/**
 * Looks which of the optional files are there.
 * @param before those of the running proxy, at a reload
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE for a file that was there before: its plugins or rules would be lost silently
 */
export function optionalFiles(
  confDir: string,
  { access, verification }: NamedFiles,
  before?: OptionalFiles,
): OptionalFiles {
  const records = recordsFile(confDir)
  const plugins = join(confDir, 'plugin.config')
  const named = [access.ipAllow.path, verification.rules.path, access.templates?.path]
  const files = [records, plugins, ...named.filter(path => path !== undefined)]
  const found = new Set(files.filter(isThere))
  const vanished = files.filter(file => before?.found.has(file) && !found.has(file))
  if (vanished.length > 0) throw problemsError('PTC_CONFIG_UNREADABLE', vanished.map(vanishedProblem))
  const missing: string[] = []
  if (!found.has(records)) missing.push(`${records} is missing: every record has its default`)
  if (!found.has(plugins)) missing.push(`${plugins} is missing: no plugin is loaded`)
  return Object.freeze({ found, missing: Object.freeze(missing) })
}

const vanishedProblem = (where: string): Problem => ({
  where,
  what: 'the file was there before and is missing now; put it back, leave an empty one in its place, or restart without it',
})

/** What stands in this configuration and has no effect, as warnings: overridden by the environment, or for Traffic Server alone. */
export function unreadIn(
  { confDir, isVerbose = false }: { readonly confDir: string; readonly isVerbose?: boolean },
  records: Records,
  { access, verification }: NamedFiles,
): readonly string[] {
  const ignored = ignoredBeside(records)
  const read = new Set([access.ipAllow.path, verification.rules.path].map(path => basename(path)))
  const overridden = overriddenBeside(records).map(
    ({ name, where, variable }) =>
      `${where}: ${name} has no effect: ${variable} is set in the environment, to another value`,
  )
  const neighbours = [...overridden, ...unreadNeighbours(confDir, read)]
  if (ignored.length === 0) return neighbours
  const [first] = ignored
  const one = `${first?.where}: ${first?.name} is a record of Traffic Server that means nothing here`
  if (ignored.length === 1) return [one, ...neighbours]
  const many = `${ignored.length} records of Traffic Server mean nothing here and are ignored`
  const list = ignored.map(({ name, where }) => `\n  ${where}: ${name}`).join('')
  return [isVerbose ? many + list : `${many}; --verbose lists them`, ...neighbours]
}
