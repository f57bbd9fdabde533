import type { RecordName, Records } from './records-table.js'

const places = new WeakMap<Records, ReadonlyMap<RecordName, string>>()

/** Keeps where records were set: `etc/records.config:4`, or an environment variable. */
export function keepPlaces(records: Records, where: ReadonlyMap<RecordName, string>): void {
  places.set(records, where)
}

/** The places of `from` hold for `to` as well. */
export function copyPlaces(from: Records, to: Records): void {
  const known = places.get(from)
  if (known !== undefined) places.set(to, known)
}

/** A record as errors call it: where it was set, and its name; the name alone of one that has its default. */
export function placed(records: Records, name: RecordName): string {
  const where = places.get(records)?.get(name)
  return where === undefined ? name : `${where}: ${name}`
}
