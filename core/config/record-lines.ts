import { didYouMean, nearest } from '../base/nearest.js'
import { type Problem, quote } from './config-file.js'
import type { RecordType, RecordValue } from './record-row.js'
import { readValue } from './record-value.js'
import { isRecordName, RECORD_NAMES, type RecordName, rowOf } from './records-table.js'
import { NEWER_NAMES, TRAFFIC_SERVER_NAMES } from './traffic-server/names.js'
import { lostProtection } from './traffic-server/protective.js'

/** A value that a line or an environment variable sets, and where. */
export interface Setting {
  readonly value: RecordValue
  readonly where: string
}

/** A record that Traffic Server knows and that has no meaning here. */
export interface IgnoredRecord {
  readonly name: string
  readonly where: string
}

/** What was read, and everything that was wrong with it. Nothing is thrown until both sources have been read. */
export interface RecordLines {
  readonly settings: ReadonlyMap<RecordName, Setting>
  /** Records of Traffic Server that mean nothing here. */
  readonly ignored: readonly IgnoredRecord[]
  /** Records of the file that the environment sets to another value. */
  readonly overridden?: readonly OverriddenRecord[]
  readonly problems: readonly Problem[]
}

export interface OverriddenRecord extends IgnoredRecord {
  /** The variable that is in force. */
  readonly variable: string
}

const SCOPES = ['CONFIG', 'LOCAL', 'PROCESS', 'NODE']
const TYPES: readonly string[] = ['INT', 'FLOAT', 'STRING', 'COUNTER'] satisfies RecordType[]

/** Reads `TYPE NAME DATATYPE VALUE` lines as Traffic Server does, but passes over nothing that it cannot read. */
export function parseRecordLines(text: string, file: string): RecordLines {
  const settings = new Map<RecordName, Setting>()
  const ignored: IgnoredRecord[] = []
  const problems: Problem[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const where = `${file}:${index + 1}`
    const reading = readLine(line, settings)
    if (reading === undefined) continue
    keepReading(reading, where, { settings, ignored, problems })
  }
  return { settings, ignored, problems }
}

/** What is being read. */
export interface RecordsDraft {
  readonly settings: Map<RecordName, Setting>
  readonly ignored: IgnoredRecord[]
  readonly problems: Problem[]
}

export function keepReading(reading: LineReading, where: string, draft: RecordsDraft): void {
  if ('wrong' in reading) draft.problems.push({ where, what: reading.wrong })
  else if ('ignored' in reading) draft.ignored.push({ name: reading.ignored, where })
  else draft.settings.set(reading.name, { value: reading.value, where })
}

export type LineReading =
  | { readonly name: RecordName; readonly value: RecordValue }
  | { readonly ignored: string }
  | { readonly wrong: string }

/** Undefined for an empty line and for a comment. */
function readLine(line: string, before: ReadonlyMap<RecordName, Setting>): LineReading | undefined {
  const parts = splitRecordLine(line)
  return parts === undefined || 'wrong' in parts ? parts : readSetting(parts, before)
}

/** The parts of a line; undefined for an empty line and for a comment, which `#` begins only as the first character. */
export function splitRecordLine(line: string): GivenRecord | { readonly wrong: string } | undefined {
  const text = line.trim()
  if (text === '' || text.startsWith('#')) return undefined
  const [, scope = '', given = '', type = '', value = ''] =
    /^([^ \t]+)(?:[ \t]+([^ \t]+))?(?:[ \t]+([^ \t]+))?(?:[ \t]+(.*))?$/s.exec(text) ?? []
  if (!SCOPES.includes(scope)) return { wrong: unknown('record type', scope, SCOPES) }
  if (scope === 'PROCESS' || scope === 'NODE')
    return { wrong: `${scope} lines hold statistics, not settings; remove the line` }
  if (type === '') return { wrong: `the line is incomplete; ${SYNTAX}` }
  return { given, type, value }
}

/** What a file sets; a YAML file gives no type. */
export interface GivenRecord {
  readonly given: string
  readonly type: string | undefined
  readonly value: string
}

/** Reads one record, whatever the syntax of its file. */
export function readSetting(
  { given, type, value }: GivenRecord,
  before: ReadonlyMap<RecordName, Setting>,
): LineReading {
  const name = NEWER_NAMES[given] ?? given
  const isTyped = type === undefined || TYPES.includes(type)
  if (!isRecordName(name)) {
    if (!TRAFFIC_SERVER_NAMES.has(name)) return { wrong: unknownRecord(name) }
    return isTyped ? readKnown(name, value) : { wrong: `${name}: ${unknown('data type', type, TYPES)}` }
  }
  if (!isTyped) return { wrong: unknown('data type', type, TYPES) }
  const row = rowOf(name)
  if (type !== undefined && type !== row.type) return { wrong: `${name} is ${row.type}, not ${type}` }
  const earlier = before.get(name)
  if (earlier !== undefined)
    return { wrong: `${name} is already set at ${earlier.where}; remove one of the two lines` }
  if (value === '') return { wrong: `${name} has no value; ${type === undefined ? NULL : SYNTAX}` }
  return readKnown(name, value)
}

/** The value of a record that is ours, or one of Traffic Server's, which may be ignored unless it protects. */
function readKnown(name: string, text: string): LineReading {
  if (!isRecordName(name)) {
    const way = lostProtection(name, text)
    return way === undefined ? { ignored: name } : { wrong: `${name} may not be ignored: ${way}` }
  }
  const reading = readValue(rowOf(name), text)
  return 'wrong' in reading ? { wrong: `${name}: ${reading.wrong}` } : { name, value: reading.value }
}

const NULL = 'write null to say that there is none'
const SYNTAX = 'a line is CONFIG name INT|FLOAT|STRING|COUNTER value'

function unknown(what: string, word: string, known: readonly string[]): string {
  return `unknown ${what} ${quote(word)}; ${SYNTAX}${didYouMean(word, known)}`
}

const PREFIX = 'proxy.config.'

function unknownRecord(name: string): string {
  const near = recordHint(name)
  return near === ''
    ? `there is no record ${quote(name)}; remove the line (docs/reference/records.md has them all)`
    : `there is no record ${quote(name)}${near}`
}

const WORDS = [...new Set([...RECORD_NAMES, ...TRAFFIC_SERVER_NAMES])].map(known => known.replace(PREFIX, ''))
const groupOf = (word: string): string => word.split('.', 1)[0] ?? ''
const GROUPS = new Set(WORDS.map(groupOf))

/**
 * `; did you mean X?` for a misspelt name, or nothing. What all names begin with says nothing about which one was meant,
 * and a record of another group is another thing: `spdy.enabled` does not mean `ssl.enabled`.
 */
export function recordHint(name: string): string {
  const word = name.replace(PREFIX, '')
  const group = GROUPS.has(groupOf(word)) ? groupOf(word) : nearest(groupOf(word), GROUPS)
  const candidates = WORDS.filter(known => groupOf(known) === group)
  return didYouMean(word, candidates).replace('mean ', `mean ${PREFIX}`)
}

const variableOf = (name: string): string => name.toUpperCase().replaceAll('.', '_')

/** The environment variable that sets a record, if one does: a file cannot change it then. */
export function environmentSets(
  name: RecordName,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  return Object.keys(env).find(variable => {
    const known = BY_VARIABLE.get(variable)
    return env[variable] !== undefined && known !== undefined && (NEWER_NAMES[known] ?? known) === name
  })
}

const BY_VARIABLE: ReadonlyMap<string, string> = new Map(
  [...TRAFFIC_SERVER_NAMES, ...RECORD_NAMES].map(name => [variableOf(name), name]),
)

/** Adds what the environment sets: `PROXY_CONFIG_DIAGS_DEBUG_TAGS` wins over the line in the file. */
export function applyEnvironment(
  lines: RecordLines,
  env: Readonly<Record<string, string | undefined>>,
): RecordLines {
  const { settings, ignored, problems } = lines
  const draft = { settings: new Map(settings), ignored: [...ignored], problems: [...problems] }
  const overridden: OverriddenRecord[] = []
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('PROXY_CONFIG_') || text === undefined) continue
    const reading = readVariable(variable, text)
    keepReading(reading, `environment variable ${variable}`, draft)
    if (!('value' in reading)) continue
    const line = settings.get(reading.name)
    if (line !== undefined && line.value !== reading.value)
      overridden.push({ name: reading.name, where: line.where, variable })
  }
  return { ...draft, overridden }
}

function readVariable(variable: string, text: string): LineReading {
  const known = BY_VARIABLE.get(variable)
  if (known !== undefined) return readKnown(NEWER_NAMES[known] ?? known, text)
  return { wrong: `no record has this name${didYouMean(variable, BY_VARIABLE.keys()) || '; unset it'}` }
}
