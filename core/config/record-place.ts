import { resolve } from 'node:path'
import type { IgnoredRecord, OverriddenRecord, RecordLines } from './record-lines.js'
import type { RecordName, Records } from './records-table.js'

const places = new WeakMap<Records, ReadonlyMap<RecordName, string>>()
const beside = new WeakMap<Records, Pick<RecordLines, 'ignored' | 'overridden'>>()

/** Keeps where records were set (`etc/records.config:4`, or an environment variable), and what has no effect beside them. */
export function keepPlaces(
  records: Records,
  where: ReadonlyMap<RecordName, string>,
  others: Pick<RecordLines, 'ignored' | 'overridden'>,
): void {
  places.set(records, where)
  beside.set(records, others)
}

/** The records of Traffic Server that stand beside these and mean nothing here. */
export const ignoredBeside = (records: Records): readonly IgnoredRecord[] =>
  beside.get(records)?.ignored ?? []

/** The records of the file that have no effect, because the environment sets them. */
export const overriddenBeside = (records: Records): readonly OverriddenRecord[] =>
  beside.get(records)?.overridden ?? []

/** The places of `from` hold for `to` as well. */
export function copyPlaces(from: Records, to: Records): void {
  const known = places.get(from)
  if (known !== undefined) places.set(to, known)
}

/** A record as errors call it: the place that sets it and its name, or the name alone where the default holds. */
export function placed(records: Records, name: RecordName): string {
  const where = places.get(records)?.get(name)
  return where === undefined ? name : `${where}: ${name}`
}

/** A file or a folder that a record names. */
export interface NamedFile {
  /** Absolute. */
  readonly path: string
  /** The record, as errors call it. */
  readonly by: string
  /** True where no record has named it: without a file of the default name its defaults hold. */
  readonly mayBeMissing?: boolean
}

type TextName = { [N in RecordName]: Records[N] extends string | null ? N : never }[RecordName]

/**
 * The file that a record names; undefined for NULL.
 * @param folder where a relative name begins
 */
export function fileOf<N extends TextName>(
  records: Records,
  name: N,
  folder: string,
): NamedFile | (null extends Records[N] ? undefined : never)
export function fileOf(records: Records, name: TextName, folder: string): NamedFile | undefined {
  const value = records[name]
  if (value === null) return undefined
  const mayBeMissing = places.get(records)?.has(name) !== true
  return Object.freeze({ path: resolve(folder, value), by: placed(records, name), mayBeMissing })
}
