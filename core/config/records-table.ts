import type { RecordRow, ValueOf } from './record-row.js'
import { ACCESS_RECORDS } from './records-access.js'
import { FIELD_RECORDS } from './records-fields.js'
import { GENERAL_RECORDS } from './records-general.js'
import { HTTP_RECORDS } from './records-http.js'
import { HTTP2_RECORDS } from './records-http2.js'
import { LOG_RECORDS } from './records-log.js'
import { NAME_RECORDS } from './records-names.js'
import { PARENT_RECORDS } from './records-parents.js'
import { PROCESS_RECORDS } from './records-processes.js'
import { SERVER_RECORDS } from './records-server.js'
import { BUMP_RECORDS, SSL_RECORDS } from './records-ssl.js'

/** The closed table of records. Add a record in its area's file and nowhere else. */
export const RECORDS = {
  ...GENERAL_RECORDS,
  ...PROCESS_RECORDS,
  ...HTTP_RECORDS,
  ...HTTP2_RECORDS,
  ...FIELD_RECORDS,
  ...NAME_RECORDS,
  ...ACCESS_RECORDS,
  ...PARENT_RECORDS,
  ...LOG_RECORDS,
  ...SERVER_RECORDS,
  ...SSL_RECORDS,
  ...BUMP_RECORDS,
} as const

export type RecordName = keyof typeof RECORDS

export const RECORD_NAMES = Object.keys(RECORDS) as readonly RecordName[]

/** Every record with its value, complete, checked and frozen. */
export type Records = { readonly [N in RecordName]: ValueOf<(typeof RECORDS)[N]> }

export const isRecordName = (name: string): name is RecordName => Object.hasOwn(RECORDS, name)

/** What the table says about a record, whatever its type. */
export const rowOf = (name: RecordName): RecordRow => RECORDS[name]
