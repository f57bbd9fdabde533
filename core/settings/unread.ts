import { basename } from 'node:path'
import { ignoredBeside } from '../config/record-place.js'
import type { Records } from '../config/records-table.js'
import { unreadNeighbours } from '../config/traffic-server/neighbours.js'

/** Files that records name. */
interface NamedFiles {
  readonly access: { readonly ipAllow: { readonly path: string } }
  readonly verification: { readonly rules: { readonly path: string } }
}

/** What Traffic Server would read in this configuration and Portcullis does not, as warnings. */
export function unreadIn(
  { confDir, isVerbose = false }: { readonly confDir: string; readonly isVerbose?: boolean },
  records: Records,
  { access, verification }: NamedFiles,
): readonly string[] {
  const ignored = ignoredBeside(records)
  const read = new Set([access.ipAllow.path, verification.rules.path].map(path => basename(path)))
  const neighbours = unreadNeighbours(confDir, read)
  if (ignored.length === 0) return neighbours
  const [first] = ignored
  const one = `${first?.where}: ${first?.name} is a record of Traffic Server that means nothing here`
  if (ignored.length === 1) return [one, ...neighbours]
  const many = `${ignored.length} records of Traffic Server mean nothing here and are ignored`
  const list = ignored.map(({ name, where }) => `\n  ${where}: ${name}`).join('')
  return [isVerbose ? many + list : `${many}; --verbose lists them`, ...neighbours]
}
