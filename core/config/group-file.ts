import { quote, readConfigFile, readItems } from './config-file.js'
import type { NamedFile } from './record-place.js'

/** Users with their groups, in the order of the file. */
export type GroupFile = ReadonlyMap<string, readonly string[]>

/**
 * Reads a file as Apache's AuthGroupFile: `group: user user …`, names with blanks in double quotes. A group may have several
 * lines.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, or PTC_GROUP_FILE_INVALID with every bad line
 */
export const loadGroupFile = ({ path, by }: NamedFile): GroupFile =>
  parseGroupFile(readConfigFile(path, by), path)

/** @throws {ProxyError} PTC_GROUP_FILE_INVALID */
export function parseGroupFile(text: string, file: string): GroupFile {
  const groupsOf = new Map<string, Set<string>>()
  for (const { group, users } of readItems(text, file, 'PTC_GROUP_FILE_INVALID', readLine))
    for (const user of users) groupsOf.set(user, (groupsOf.get(user) ?? new Set()).add(group))
  return new Map([...groupsOf].map(([user, groups]) => [user, [...groups]]))
}

/** A name, bare or in quotes, in which a backslash stands before a quote or a backslash. */
const WORD = /"((?:[^"\\]|\\.)*)"(?=\s|$)|[^\s"]+/gy

/** A text says what is wrong. */
function readLine(line: string): { readonly group: string; readonly users: readonly string[] } | string {
  const colon = line.indexOf(':')
  const group = line.slice(0, Math.max(colon, 0)).trim()
  if (group === '' || /["\s]/.test(group)) return `${quote(line)} is not group: user user …`
  const users: string[] = []
  const rest = line.slice(colon + 1)
  for (let at = rest.search(/\S|$/); at < rest.length; ) {
    WORD.lastIndex = at
    const [word, quoted] = WORD.exec(rest) ?? []
    if (word === undefined)
      return `${quote(rest.slice(at))} is no name: names with blanks stand in double quotes`
    users.push(quoted === undefined ? word : quoted.replace(/\\(.)/g, '$1'))
    at += word.length
    at += rest.slice(at).search(/\S|$/)
  }
  if (/\p{Cc}/u.test(group + users.join(''))) return `${quote(line)} has a control character`
  return { group, users }
}
