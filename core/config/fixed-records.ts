import { copyPlaces, placed } from './record-place.js'
import { RECORD_NAMES, type Records, rowOf } from './records-table.js'

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
