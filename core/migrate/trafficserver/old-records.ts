import { isAbsolute, resolve } from 'node:path'
import { ProxyError } from '../../base/errors.js'
import { type GivenRecord, recordHint, splitRecordLine } from '../../config/record-lines.js'
import { isRecordName, type RecordName } from '../../config/records-table.js'
import { yamlRecords } from '../../config/records-yaml.js'
import { NEWER_NAMES, TRAFFIC_SERVER_NAMES } from '../../config/traffic-server/names.js'
import { type Source, textOf } from '../source.js'

/** A record as the other proxy has it. */
export interface OldRecord {
  readonly name: string
  readonly value: string
  readonly where: string
}

export interface OldRecords {
  readonly byName: ReadonlyMap<string, OldRecord>
  /** `records.yaml` is of Traffic Server 10. */
  readonly isYaml: boolean
  readonly isThere: boolean
}

/** Reads records.config or records.yaml as far as they can be read. */
export function readOld(source: Source): OldRecords {
  const [config, yaml] = [textOf(source, 'records.config'), textOf(source, 'records.yaml')]
  const { findings } = source
  if (config !== undefined && yaml !== undefined)
    findings.add(
      'wrong',
      'records.yaml',
      'there is records.config as well, and only one of the two is in force; remove one and migrate again',
    )
  if (config === undefined && yaml === undefined)
    findings.add('mind', 'records.config', 'there are no records: the defaults hold')
  const byName = new Map<string, OldRecord>()
  const isYaml = config === undefined && yaml !== undefined
  if (config !== undefined) readLines(source, config, byName)
  else if (yaml !== undefined) readYaml(source, yaml, byName)
  return { byName, isYaml, isThere: config !== undefined || yaml !== undefined }
}

function readLines({ findings }: Source, text: string, byName: Map<string, OldRecord>): void {
  for (const [index, line] of text.split('\n').entries()) {
    const where = `records.config:${index + 1}`
    const parts = splitRecordLine(line)
    if (parts === undefined) continue
    if ('wrong' in parts) findings.add('wrong', where, parts.wrong)
    else if (parts.value === '' || !/^(?:INT|FLOAT|STRING|COUNTER)$/.test(parts.type ?? ''))
      findings.add('wrong', where, `${parts.given}: ${SYNTAX}`)
    else keep(findings, byName, parts, where)
  }
}

const SYNTAX = 'a type or a value is missing; a line is CONFIG name INT|FLOAT|STRING|COUNTER value'

function readYaml({ findings }: Source, text: string, byName: Map<string, OldRecord>): void {
  try {
    const { records, problems } = yamlRecords(text, 'records.yaml')
    for (const { where, what } of problems) findings.add('wrong', where, what)
    for (const record of records) {
      const isGroup = record.value === 'NULL' && !isKnown(record.given)
      if (!isGroup) keep(findings, byName, record, record.where)
    }
  } catch (error) {
    findings.add('wrong', 'records.yaml', ProxyError.textOf(error))
  }
}

const isKnown = (name: string): boolean => isRecordName(name) || TRAFFIC_SERVER_NAMES.has(name)

function keep(
  findings: Source['findings'],
  byName: Map<string, OldRecord>,
  { given, value }: GivenRecord,
  where: string,
): void {
  const name = NEWER_NAMES[given] ?? given
  if (!isKnown(name)) {
    findings.add('wrong', where, `Traffic Server has no record ${name}${recordHint(name)}`)
    return
  }
  const earlier = byName.get(name)
  if (earlier !== undefined)
    findings.add('changed', where, `${name} is set at ${earlier.where} as well; the last one counts`)
  byName.set(name, { name, value, where })
}

/**
 * A folder that a record of Traffic Server names. Relative ones begin where it was installed, which is not known; the
 * default is the folder of the configuration.
 */
export function folderOf(source: Source, { byName }: OldRecords, name: RecordName): string {
  const value = byName.get(name)?.value ?? 'NULL'
  if (value === 'NULL' || value === '""') return source.dir
  if (isAbsolute(value)) return value
  return source.dir.endsWith(`/${value.replace(/\/+$/, '')}`) ? source.dir : resolve(source.dir, value)
}
