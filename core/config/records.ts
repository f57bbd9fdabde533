import { join } from 'node:path'
import { compileTags } from '../base/diags.js'
import type { ProxyError } from '../base/errors.js'
import { Schemas } from '../base/schema.js'
import { readRanges } from './address-range.js'
import { isThere, type Problem, problemsError, quote, readConfigFile } from './config-file.js'
import { readLogFormat } from './log-format.js'
import { readServerPorts } from './ports.js'
import { applyEnvironment, parseRecordLines, type RecordLines, type Setting } from './record-lines.js'
import { readConnectPorts, readFieldList, readForwarded, readNameservers } from './record-lists.js'
import { copyPlaces, keepPlaces, placed } from './record-place.js'
import type { RecordRow, RecordValue } from './record-row.js'
import { describeDomain, SECRET_VALUE } from './record-value.js'
import { RECORD_NAMES, type RecordName, type Records, rowOf } from './records-table.js'
import { parseRecordsYaml } from './records-yaml.js'
import { readTokenAlgorithms } from './token-keys.js'

const SCHEMA_TYPE = { INT: 'integer', COUNTER: 'integer', FLOAT: 'number', STRING: 'string' } as const

/** The row in ajv's words. */
function schemaOf(row: RecordRow): Record<string, unknown> {
  const { nullable, enum: values, minimum, maximum, pattern } = row
  const type = SCHEMA_TYPE[row.type]
  return {
    type: nullable ? [type, 'null'] : type,
    ...(values && { enum: nullable ? [...values, null] : values }),
    ...(minimum !== undefined && { minimum }),
    ...(maximum !== undefined && { maximum }),
    ...(pattern !== undefined && { pattern }),
  }
}

const SCHEMAS = new Schemas({ allowUnionTypes: true })
const CHECKS = new Map(RECORD_NAMES.map(name => [name, SCHEMAS.check<RecordValue>(schemaOf(rowOf(name)))]))
/** Whether a record may have a value, by its row. */
const isSetting = (name: RecordName, value: RecordValue): boolean => CHECKS.get(name)?.()(value) === true

/** Records whose text has a syntax of its own, and its reader, which lists what is wrong. */
const SYNTAX = {
  'proxy.config.http.server_ports': readServerPorts,
  'proxy.config.http.connect_ports': readConnectPorts,
  'proxy.config.diags.debug.tags': compileTags,
  'proxy.config.dns.nameservers': readNameservers,
  'proxy.config.http.proxy_protocol_allowlist': readRanges,
  'proxy.config.http.proxy_auth.jwt.algorithms': readTokenAlgorithms,
  'proxy.config.log.format': readLogFormat,
  'proxy.config.http.insert_forwarded': readForwarded,
  'proxy.config.http.anonymize_other_header_list': readFieldList,
} as const

type SyntaxName = keyof typeof SYNTAX
type Reading<N extends SyntaxName> = ReturnType<(typeof SYNTAX)[N]>

/** The last text of each record, and what was read from it: validation and use share one reading. */
const lastRead = new Map<SyntaxName, { readonly text: string; readonly reading: Reading<SyntaxName> }>()

/** What the text of a record says. */
export function readingOf<N extends SyntaxName>(records: Pick<Records, N>, name: N): Reading<N> {
  return readText(name, String(records[name])) as Reading<N>
}

function readText(name: SyntaxName, text: string): Reading<SyntaxName> {
  const last = lastRead.get(name)
  if (last?.text === text) return last.reading
  const reading = SYNTAX[name](text)
  lastRead.set(name, { text, reading })
  return reading
}

const hasSyntax = (name: RecordName): name is SyntaxName => Object.hasOwn(SYNTAX, name)

/** What is wrong with the value of a record, in words that follow its name. */
export function wrongWith(name: RecordName, value: RecordValue): readonly string[] {
  if (isSetting(name, value))
    return typeof value === 'string' && hasSyntax(name) ? readText(name, value).wrong : []
  const row = rowOf(name)
  const shown = typeof value === 'string' ? quote(value) : (value ?? 'NULL')
  const given = row.isSecret ? SECRET_VALUE : shown
  const why = row.refused === undefined ? '' : ` (${row.refused})`
  return [`${given} is not accepted; it must be ${describeDomain(row)}${why}`]
}

const DEFAULTS = Object.fromEntries(RECORD_NAMES.map(name => [name, rowOf(name).default]))

/** Records, complete, typed and frozen. Bad settings have their defaults, and are in the error. */
export interface RecordsReading {
  readonly records: Records
  readonly error: ProxyError | undefined
}

function completeRecords(lines: RecordLines): RecordsReading {
  const { settings, problems } = lines
  const all: Problem[] = [...problems]
  const good = new Map(settings)
  for (const [name, { value, where }] of settings) {
    const wrong = wrongWith(name, value)
    if (wrong.length > 0) good.delete(name)
    for (const what of wrong) all.push({ where, what: `${name}: ${what}` })
  }
  all.push(...disagreements(settings))
  const error = all.length === 0 ? undefined : problemsError('PTC_RECORDS_INVALID', all)
  const given = [...good].map(([name, { value }]) => [name, value] as const)
  // The schema is made from the rows that the type is made from, so what passed it has the type.
  const records = Object.freeze({ ...DEFAULTS, ...Object.fromEntries(given) }) as Records
  keepPlaces(records, new Map([...good].map(([name, { where }]) => [name, where])), lines)
  return { records, error }
}

/** Values that are good alone and wrong together. */
function disagreements(settings: ReadonlyMap<RecordName, Setting>): readonly Problem[] {
  const problems: Problem[] = []
  const given = (name: RecordName): RecordValue | undefined => settings.get(name)?.value
  /** At the first of the records that is set. */
  const wrong = (what: string, ...names: readonly RecordName[]): void => {
    const setting = names.map(name => settings.get(name)).find(found => found !== undefined)
    if (setting !== undefined) problems.push({ where: setting.where, what })
  }
  const [v12, v13] = ['proxy.config.ssl.client.TLSv1_2', 'proxy.config.ssl.client.TLSv1_3'] as const
  if (given(v12) === 0 && given(v13) === 0)
    wrong('TLSv1_2 and TLSv1_3 are both 0, which leaves no version of TLS; switch one on', v13)
  const inbound = ['proxy.config.ssl.TLSv1_2', 'proxy.config.ssl.TLSv1_3'] as const
  const [c12, c13] = inbound
  const limits = ['proxy.config.ssl.server.version.min', 'proxy.config.ssl.server.version.max'] as const
  const [min, max] = limits
  const oldest = given(min) === 3 || given(c12) === 0 ? 3 : 2
  const newest = given(max) === 2 || given(c13) === 0 ? 2 : 3
  if (given(c12) === 0 && given(c13) === 0)
    wrong(
      `${inbound.join(' and ')} are both 0, which leaves no version of TLS for clients; switch one on`,
      c13,
    )
  else if (oldest > newest)
    wrong(
      'the versions of TLS for clients leave none; look at proxy.config.ssl.TLSv1_2, TLSv1_3 and server.version',
      ...limits,
      ...inbound,
    )
  const key = 'proxy.config.ssl.client.private_key.filename'
  if (isSet(given(key)) && !given('proxy.config.ssl.client.cert.filename'))
    wrong('a private key without a certificate; set proxy.config.ssl.client.cert.filename too', key)
  const login = 'proxy.config.http.parent_proxies.credentials'
  if (isSet(given(login)) && !given('proxy.config.http.parent_proxies'))
    wrong(
      'credentials without parents; set proxy.config.http.parent_proxies too, or name the file in a line of parent.config',
      login,
    )
  const certificates = 'proxy.config.http.proxy_auth.client_cert'
  if (given(certificates) && !given('proxy.config.ssl.client.certification_level'))
    wrong(
      'certificates are logins, and clients are asked for none; set proxy.config.ssl.client.certification_level to 1 or 2',
      certificates,
    )
  const units = 'proxy.config.http.proxy_auth.client_cert_groups'
  if (given(units) && !given(certificates))
    wrong(
      'groups of certificates that are no logins; set proxy.config.http.proxy_auth.client_cert too',
      units,
    )
  return problems
}

const isSet = (value: RecordValue | undefined): boolean => value !== undefined && value !== null

/**
 * The records that a text and an environment set; every other record has its default.
 * @param file what errors call the text
 * @throws {ProxyError} PTC_RECORDS_INVALID, which names everything that is wrong
 */
export function parseRecords(
  text: string,
  file: string,
  env: Readonly<Record<string, string | undefined>> = {},
): Records {
  return checked(completeRecords(applyEnvironment(parseRecordLines(text, file), env)))
}

function checked({ records, error }: RecordsReading): Records {
  if (error !== undefined) throw error
  return records
}

/**
 * Reads `records.config`, or `records.yaml`. Where neither is there, only the environment sets records.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE or PTC_RECORDS_INVALID
 */
export const loadRecords = (confDir: string, env: Readonly<Record<string, string | undefined>>): Records =>
  checked(readRecords(confDir, env))

/** The file that {@link readRecords} reads, also where none is there. */
export function recordsFile(confDir: string): string {
  const yaml = join(confDir, 'records.yaml')
  return isThere(yaml) ? yaml : join(confDir, 'records.config')
}

/**
 * The same, for a reading that goes on with the other files.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE
 */
export function readRecords(
  confDir: string,
  env: Readonly<Record<string, string | undefined>>,
): RecordsReading {
  const [file, yaml] = ['records.config', 'records.yaml'].map(name => join(confDir, name)) as [string, string]
  if (!isThere(yaml)) {
    const text = isThere(file) ? readConfigFile(file) : ''
    return completeRecords(applyEnvironment(parseRecordLines(text, file), env))
  }
  if (isThere(file))
    throw problemsError('PTC_RECORDS_INVALID', [
      { where: yaml, what: `there is ${file} as well, and only one of the two is read; remove one` },
    ])
  return completeRecords(applyEnvironment(parseRecordsYaml(readConfigFile(yaml), yaml), env))
}

/** What a reload makes of the records. */
export interface ReadAgain {
  /** As read, but for those that need a restart: they keep the value that is in force. */
  readonly records: Records
  /** Those that need a restart and differ now, with the place where they were set. */
  readonly waiting: readonly string[]
}

/** @param inForce the records that the proxy was started with */
export function keepFixed(read: Records, inForce: Records): ReadAgain {
  const fixed = RECORD_NAMES.filter(name => rowOf(name).reload === false)
  const records: Records = Object.freeze({
    ...read,
    ...Object.fromEntries(fixed.map(name => [name, inForce[name]])),
  })
  copyPlaces(read, records)
  const waiting = fixed.filter(name => read[name] !== inForce[name]).map(name => placed(read, name))
  return { records, waiting }
}
