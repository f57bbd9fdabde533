import { didYouMean } from '../base/nearest.js'
import { type Problem, quote } from './config-file.js'
import type { RecordType, RecordValue } from './record-row.js'
import { readValue } from './record-value.js'
import { isRecordName, RECORD_NAMES, type RecordName, rowOf } from './records-table.js'

/** A value that a line or an environment variable sets, and where. */
export interface Setting {
  readonly value: RecordValue
  readonly where: string
}

/** What was read, and everything that was wrong with it. Nothing is thrown until both sources have been read. */
export interface RecordLines {
  readonly settings: ReadonlyMap<RecordName, Setting>
  readonly problems: readonly Problem[]
}

const SCOPES = ['CONFIG', 'LOCAL', 'PROCESS', 'NODE']
const TYPES: readonly string[] = ['INT', 'FLOAT', 'STRING', 'COUNTER'] satisfies RecordType[]

/** Reads `TYPE NAME DATATYPE VALUE` lines as Traffic Server does, but passes over nothing that it cannot read. */
export function parseRecordLines(text: string, file: string): RecordLines {
  const settings = new Map<RecordName, Setting>()
  const problems: Problem[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const where = `${file}:${index + 1}`
    const reading = readLine(line, settings)
    if (reading === undefined) continue
    if ('wrong' in reading) problems.push({ where, what: reading.wrong })
    else settings.set(reading.name, { value: reading.value, where })
  }
  return { settings, problems }
}

type LineReading = { readonly name: RecordName; readonly value: RecordValue } | { readonly wrong: string }

/** Undefined for an empty line and for a comment, which `#` begins only as the first character. */
function readLine(line: string, before: ReadonlyMap<RecordName, Setting>): LineReading | undefined {
  const text = line.trim()
  if (text === '' || text.startsWith('#')) return undefined
  const [, scope = '', name = '', type = '', value = ''] =
    /^([^ \t]+)(?:[ \t]+([^ \t]+))?(?:[ \t]+([^ \t]+))?(?:[ \t]+(.*))?$/s.exec(text) ?? []
  if (!SCOPES.includes(scope)) return { wrong: unknown('record type', scope, SCOPES) }
  if (scope === 'PROCESS' || scope === 'NODE')
    return { wrong: `${scope} lines hold statistics, not settings; remove the line` }
  if (type === '') return { wrong: `the line is incomplete; ${SYNTAX}` }
  if (!isRecordName(name)) return { wrong: unknownRecord(name) }
  if (!TYPES.includes(type)) return { wrong: unknown('data type', type, TYPES) }
  const row = rowOf(name)
  if (type !== row.type) return { wrong: `${name} is ${row.type}, not ${type}` }
  const earlier = before.get(name)
  if (earlier !== undefined)
    return { wrong: `${name} is already set at ${earlier.where}; remove one of the two lines` }
  if (value === '') return { wrong: `${name} has no value; ${SYNTAX}` }
  const reading = readValue(row.type, value)
  return 'wrong' in reading ? { wrong: `${name}: ${reading.wrong}` } : { name, value: reading.value }
}

const SYNTAX = 'a line is CONFIG name INT|FLOAT|STRING|COUNTER value'

function unknown(what: string, word: string, known: readonly string[]): string {
  return `unknown ${what} ${quote(word)}; ${SYNTAX}${didYouMean(word, known)}`
}

const PREFIX = 'proxy.config.'

function unknownRecord(name: string): string {
  // What all names begin with says nothing about which one was meant.
  const near = didYouMean(
    name.replace(PREFIX, ''),
    RECORD_NAMES.map(known => known.slice(PREFIX.length)),
  )
  return near === ''
    ? `there is no record ${quote(name)}; remove the line (docs/reference/records.md has them all)`
    : `there is no record ${quote(name)}${near.replace('mean ', `mean ${PREFIX}`)}`
}

const variableOf = (name: string): string => name.toUpperCase().replaceAll('.', '_')

const BY_VARIABLE: ReadonlyMap<string, RecordName> = new Map(
  RECORD_NAMES.map(name => [variableOf(name), name]),
)

/** Adds what the environment sets: `PROXY_CONFIG_DIAGS_DEBUG_TAGS` wins over the line in the file. */
export function applyEnvironment(
  lines: RecordLines,
  env: Readonly<Record<string, string | undefined>>,
): RecordLines {
  const settings = new Map(lines.settings)
  const problems = [...lines.problems]
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('PROXY_CONFIG_') || text === undefined) continue
    const where = `environment variable ${variable}`
    const name = BY_VARIABLE.get(variable)
    if (name === undefined) {
      const near = didYouMean(variable, BY_VARIABLE.keys())
      problems.push({ where, what: `no record has this name${near === '' ? '; unset it' : near}` })
      continue
    }
    const reading = readValue(rowOf(name).type, text)
    if ('wrong' in reading) problems.push({ where, what: `${name}: ${reading.wrong}` })
    else settings.set(name, { value: reading.value, where })
  }
  return { settings, problems }
}
