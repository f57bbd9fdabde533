/** Settings of the logs and of the management socket. */
import { resolve } from 'node:path'
import { layoutOf } from '../config/log-format.js'
import { fileOf, placed } from '../config/record-place.js'
import { readingOf } from '../config/records.js'
import { RECORDS, type Records } from '../config/records-table.js'

const DIAGS_FILE = 'proxy.config.diags.logfile.filename'
const FOLDER = 'proxy.config.log.logfile_dir'
const FORMAT = 'proxy.config.log.format'
const SOCKET = 'proxy.config.admin.socket'

export type DiagsSettings = ReturnType<typeof diagsSettings>

export const diagsSettings = (records: Records) =>
  Object.freeze({
    /** `stdout`, `stderr`, or a file; and the record that names it, as errors call it. */
    target: Object.freeze({ file: records[DIAGS_FILE], record: placed(records, DIAGS_FILE) }),
    debug: Object.freeze({
      enabled: records['proxy.config.diags.debug.enabled'] === 1,
      tags: records['proxy.config.diags.debug.tags'],
    }),
  })

export type AccessLogSettings = NonNullable<ReturnType<typeof accessLogSettings>>

/** Undefined where no access log is written. */
export function accessLogSettings(records: Records) {
  const enabled = records['proxy.config.log.logging_enabled']
  if (enabled === 0) return undefined
  const name = records['proxy.config.log.filename']
  const isStream = name === 'stdout' || name === 'stderr'
  return Object.freeze({
    isErrorsOnly: enabled === 1,
    layout: layoutOf(readingOf(records, FORMAT), records['proxy.config.log.certificate_fields'] === 1),
    file: isStream ? name : resolve(records[FOLDER], name),
    record: placed(records, FOLDER),
  })
}

export type AdminSettings = ReturnType<typeof adminSettings>

export const adminSettings = (records: Records, confDir: string) =>
  Object.freeze({
    /** The management socket; undefined where there is none. */
    socket: fileOf(records, SOCKET, confDir),
    isDefault: records[SOCKET] === RECORDS[SOCKET].default,
    /** `address:port` of the management port; undefined where there is none. */
    listen: records['proxy.config.admin.listen'] ?? undefined,
    tokenFile: fileOf(records, 'proxy.config.admin.token_file', confDir).path,
  })
