/** One record is given another value, in the file that sets it. */
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import { editRecordLines, editRecordsYaml } from '../config/record-edit.js'
import { environmentSets } from '../config/record-lines.js'
import { readValue, showValue } from '../config/record-value.js'
import { recordsFile, wrongWith } from '../config/records.js'
import { isRecordName, type RecordName, rowOf } from '../config/records-table.js'
import { noSuchRecord } from './record-report.js'
import type { ConfigPlace } from './settings.js'

/** The change of one record, in its file. */
export interface RecordChange {
  readonly name: RecordName
  /** As a line says it. */
  readonly value: string
  readonly file: string
  /** The text before. Undefined: there was no file. */
  readonly before: string | undefined
  readonly needsRestart: boolean
}

/**
 * Writes another value for a record; comments and all other lines stay.
 * @param text the value as a line says it
 * @throws {ProxyError} PTC_ADMIN_REQUEST for a name that is no record's, or one that the environment sets; PTC_RECORDS_INVALID
 *   for a value that is not accepted; PTC_CONFIG_UNWRITABLE
 */
export function changeRecord({ confDir, env }: ConfigPlace, name: string, text: string): RecordChange {
  if (!isRecordName(name)) throw noSuchRecord(name)
  const variable = environmentSets(name, env)
  if (variable !== undefined)
    throw new ProxyError('PTC_ADMIN_REQUEST', `${name} is set by the environment variable ${variable}`)
  const row = rowOf(name)
  const reading = readValue(row, text)
  const wrong = 'wrong' in reading ? [reading.wrong] : wrongWith(name, reading.value)
  if ('wrong' in reading || wrong.length > 0)
    throw new ProxyError('PTC_RECORDS_INVALID', wrong.map(what => `${name}: ${what}`).join('\n'))
  const file = recordsFile(confDir)
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined
  const value = showValue(reading.value)
  const after = file.endsWith('.yaml')
    ? editRecordsYaml(before ?? '', name, reading.value)
    : editRecordLines(before ?? '', name, value)
  write(file, after)
  return { name, value, file, before, needsRestart: row.reload === false }
}

/** Puts the file back as it was. @throws {ProxyError} PTC_CONFIG_UNWRITABLE */
export function undoChange({ file, before }: RecordChange): void {
  if (before === undefined) rmSync(file, { force: true })
  else write(file, before)
}

/** Replaces the file in one step, so that a reader never sees half of the text. A symbolic link stays: its target is replaced. */
function write(file: string, text: string): void {
  let draft: string | undefined
  try {
    const before = lstatSync(file, { throwIfNoEntry: false })
    const target = before === undefined ? file : realpathSync(file)
    const name = `${target}.${randomUUID()}`
    writeFileSync(name, text, { flag: 'wx' })
    draft = name
    if (before !== undefined) chmodSync(draft, statSync(target).mode & 0o777)
    renameSync(draft, target)
  } catch (cause) {
    if (draft !== undefined) rmSync(draft, { force: true })
    throw new ProxyError('PTC_CONFIG_UNWRITABLE', `cannot write ${file}: ${describe(cause)}`, { cause })
  }
}
