/**
 * parent.config: which requests go through which parent proxies, in Traffic Server's syntax. A line is `key=value` pairs:
 * one destination, what else must be true, and what is done then. The first line that matches decides.
 */
import { dirname, resolve } from 'node:path'
import { ProxyError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import { quote, readConfigFile, readItems } from './config-file.js'
import { loadParentCredentials, type ParentCredentials, wrongForParents } from './parent-credentials.js'
import { MAY_HOLD_PASSWORD, type ParentEntry, parseParentList } from './parent-list.js'
import { MATCH_KEYS, type ParentMatch, readMatch } from './parent-match.js'
import type { NamedFile } from './record-place.js'

/** In which order the parents of a line are tried. */
export type Selection = 'listed' | 'in turn' | 'by client' | 'by url' | 'latched'

export interface ParentLine {
  readonly match: ParentMatch
  readonly parents: readonly ParentEntry[]
  /** Tried after the others. */
  readonly secondary: readonly ParentEntry[]
  readonly selection: Selection
  /** Whether the origin is connected to when no parent can be reached; always where there is none. */
  readonly goesDirect: boolean
  /** False: the parents stand in the place of the origin, and are sent what an origin is sent. */
  readonly isProxy: boolean
  /** Whether the query counts where parents are chosen by URL. */
  readonly hashesQuery: boolean
  readonly credentials: ParentCredentials | undefined
  /** `file:line` */
  readonly where: string
}

/** What holds for parents that are named by themselves, without a line of the file. */
export const BY_ITSELF = { secondary: [], selection: 'listed', isProxy: true, hashesQuery: true } as const

/** @throws {ProxyError} PTC_CONFIG_UNREADABLE, or PTC_PARENT_CONFIG_INVALID with every bad line */
export const loadParentConfig = ({ path, by }: NamedFile): readonly ParentLine[] =>
  parseParentConfig(readConfigFile(path, by), path)

/** @throws {ProxyError} PTC_PARENT_CONFIG_INVALID with every bad line, credentials that cannot be read included */
export const parseParentConfig = (text: string, file: string): readonly ParentLine[] =>
  readItems(text, file, 'PTC_PARENT_CONFIG_INVALID', (line, where) => readLine(line, where, dirname(file)))

const ACTION_KEYS = [
  'parent',
  'secondary_parent',
  'round_robin',
  'go_direct',
  'parent_is_proxy',
  'qstring',
  'credentials',
]
const KEYS = [...MATCH_KEYS, ...ACTION_KEYS]
/** Traffic Server's others. */
const UNSUPPORTED =
  /^(?:tag|internal|incoming_port|secondary_mode|ignore_self_detect|parent_retry|max_simple_retries|max_unavailable_server_retries|simple_server_retry_responses|unavailable_server_retry_responses|host_status|url)$/

const ROUND_ROBIN: Readonly<Record<string, Selection>> = {
  true: 'by client',
  strict: 'in turn',
  false: 'listed',
  consistent_hash: 'by url',
  latched: 'latched',
}

/** Pairs of key and value; or what is wrong. */
function readPairs(line: string): ReadonlyMap<string, string> | string {
  const values = new Map<string, string>()
  let twice: string | undefined
  const rest = line.replace(
    /([^\s=]+)=(?:"([^"]*)"|([^\s"]*))(?=\s|$)/g,
    (_, name: string, quoted?: string, plain?: string) => {
      const key = name.toLowerCase()
      if (values.has(key)) twice = key
      values.set(key, quoted ?? plain ?? '')
      return ''
    },
  )
  if (rest.trim() !== '' && line.includes('@')) return MAY_HOLD_PASSWORD
  if (rest.trim() !== '') return `${quote(rest.trim())} is not key=value, or key="value" with blanks in it`
  if (twice !== undefined) return `${twice} is given twice`
  for (const key of values.keys()) {
    if (UNSUPPORTED.test(key)) return `${key} is not supported; remove it`
    if (!KEYS.includes(key))
      return `unknown key ${quote(key)}${didYouMean(key, KEYS) || `; the keys are ${KEYS.join(', ')}`}`
  }
  return values
}

/** The line, or what is wrong with it. */
function readLine(line: string, where: string, folder: string): ParentLine | string {
  const values = readPairs(line)
  if (typeof values === 'string') return values
  const match = readMatch(values)
  if (typeof match === 'string') return match
  const lists = [values.get('parent'), values.get('secondary_parent')].map(text =>
    text === undefined ? [] : parseParentList(text),
  )
  const wrong = lists.find(list => 'wrong' in list)
  if (wrong !== undefined && 'wrong' in wrong) return wrong.wrong
  const [parents = [], secondary = []] = lists as (readonly ParentEntry[])[]
  const flags = readFlags(values)
  if (typeof flags === 'string') return flags
  if (parents.length === 0) {
    if (!flags.goesDirect) return 'there is no parent, and go_direct=false: no request could be served'
    if (secondary.length > 0) return 'there is a secondary_parent and no parent'
  }
  if (!flags.isProxy && [...parents, ...secondary].some(({ scheme }) => scheme !== 'http'))
    return 'parent_is_proxy=false is for parents that are reached by http'
  const file = values.get('credentials')
  if (file !== undefined && (parents.length === 0 || !flags.isProxy))
    return 'credentials are for parents that are proxies'
  if (file !== undefined && /[\s:]/.test(file))
    return 'credentials names a file without blanks and colons; write USER:PASSWORD or a token into that file'
  const credentials = file === undefined ? undefined : credentialsIn(resolve(folder, file))
  if (typeof credentials === 'string') return credentials
  const unusable = wrongForParents(credentials, [...parents, ...secondary])
  if (unusable !== undefined) return unusable
  return { match, parents, secondary, ...flags, credentials, where }
}

/** Those in a file, or what is wrong with it: the other lines are read, too. */
function credentialsIn(path: string): ParentCredentials | string {
  try {
    return loadParentCredentials(path, 'credentials')
  } catch (cause) {
    return ProxyError.textOf(cause)
  }
}

type Flags = Pick<ParentLine, 'selection' | 'goesDirect' | 'isProxy' | 'hashesQuery'>

function readFlags(values: ReadonlyMap<string, string>): Flags | string {
  const roundRobin = values.get('round_robin')?.toLowerCase() ?? 'false'
  const selection = Object.hasOwn(ROUND_ROBIN, roundRobin) ? ROUND_ROBIN[roundRobin] : undefined
  if (selection === undefined)
    return `round_robin must be ${Object.keys(ROUND_ROBIN).join(', ')}, not ${quote(roundRobin)}`
  const goesDirect = readBoolean(values, 'go_direct')
  const isProxy = readBoolean(values, 'parent_is_proxy')
  if (typeof goesDirect === 'string') return goesDirect
  if (typeof isProxy === 'string') return isProxy
  const qstring = values.get('qstring')?.toLowerCase() ?? 'consider'
  if (qstring !== 'consider' && qstring !== 'ignore')
    return `qstring must be consider or ignore, not ${quote(qstring)}`
  return { selection, goesDirect, isProxy, hashesQuery: qstring === 'consider' }
}

/** Both are true by default. */
function readBoolean(values: ReadonlyMap<string, string>, key: string): boolean | string {
  const text = values.get(key)?.toLowerCase() ?? 'true'
  if (text === 'true' || text === 'false') return text === 'true'
  return `${key} must be true or false, not ${quote(text)}`
}
