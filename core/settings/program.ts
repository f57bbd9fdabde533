/** Settings of the program itself: logs, management, plugins, processes. Times are in milliseconds. */

import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { layoutOf } from '../config/log-format.js'
import { fileOf, placed } from '../config/record-place.js'
import { readingOf } from '../config/records.js'
import { RECORDS, type Records } from '../config/records-table.js'

const DIAGS_FILE = 'proxy.config.diags.logfile.filename'
const FOLDER = 'proxy.config.log.logfile_dir'
const FORMAT = 'proxy.config.log.format'
const SOCKET = 'proxy.config.admin.socket'

export const diagsSettings = (records: Records) =>
  Object.freeze({
    /** `stdout`, `stderr`, or a file; and the record that names it, as errors call it. */
    target: Object.freeze({
      file: records[DIAGS_FILE],
      record: placed(records, DIAGS_FILE),
      rolling: rollingSettings(records, 'proxy.config.diags.logfile'),
    }),
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
    rolling: rollingSettings(records, 'proxy.config.log'),
  })
}

const SECOND = 1000
const MB = 1_048_576

/** Undefined where the file is not rolled. */
function rollingSettings(records: Records, of: 'proxy.config.log' | 'proxy.config.diags.logfile') {
  const mode = records[`${of}.rolling_enabled`]
  if (mode === 0) return undefined
  const isAccessLog = of === 'proxy.config.log'
  const deletes = records['proxy.config.log.auto_delete_rolled_files'] === 1
  return Object.freeze({
    mode,
    interval: records[`${of}.rolling_interval_sec`] * SECOND,
    offsetHour: isAccessLog ? records['proxy.config.log.rolling_offset_hr'] : 0,
    bytes: records[`${of}.rolling_size_mb`] * MB,
    allowsEmpty: isAccessLog && records['proxy.config.log.rolling_allow_empty'] === 1,
    retention: Object.freeze({
      maxCount: isAccessLog ? records['proxy.config.log.rolling_max_count'] : 0,
      minCount: records[`${of}.rolling_min_count`],
      maxBytes: deletes ? records['proxy.config.log.max_space_mb_for_logs'] * MB : undefined,
    }),
  })
}

function adminCertificate(records: Records, confDir: string) {
  const cert = fileOf(records, 'proxy.config.admin.tls_cert', confDir)?.path
  const key = fileOf(records, 'proxy.config.admin.tls_key', confDir)?.path
  return cert === undefined ? undefined : Object.freeze({ cert, key })
}

export const adminSettings = (records: Records, confDir: string) =>
  Object.freeze({
    /** The management socket; undefined where there is none. */
    socket: fileOf(records, SOCKET, confDir),
    isDefault: records[SOCKET] === RECORDS[SOCKET].default,
    /** `address:port` of the management port; undefined where there is none. */
    listen: records['proxy.config.admin.listen'] ?? undefined,
    tokenFile: fileOf(records, 'proxy.config.admin.token_file', confDir).path,
    /** The certificate of the port; undefined: no TLS. */
    tls: adminCertificate(records, confDir),
    /** Whether operators may accept in place of any plugin. */
    mayAccept: records['proxy.config.admin.may_accept'] === 1,
    auditFile: resolve(records[FOLDER], records['proxy.config.admin.audit_file']),
  })

export type PluginSettings = ReturnType<typeof pluginSettings>

export const pluginSettings = (records: Records) =>
  Object.freeze({
    /** As written: relative to the configuration folder. */
    dir: records['proxy.config.plugin.plugin_dir'],
    initTimeout: records['proxy.config.plugin.init_timeout'],
    /** For all plugins together that hold a connection or a transaction outside of TLS handshakes. */
    deadline: records['proxy.config.plugin.deadline'],
    workers: Object.freeze({
      memoryMb: records['proxy.config.plugin.isolate.memory_mb'],
      limits: Object.freeze({
        workers: records['proxy.config.plugin.isolate.workers'],
        hangAfter: records['proxy.config.plugin.isolate.hang_timeout'],
        initTimeout: records['proxy.config.plugin.init_timeout'],
        maxFailures: records['proxy.config.plugin.isolate.max_failures'],
        retryAfter: records['proxy.config.plugin.isolate.retry_after'],
      }),
    }),
  })

/** How many processes serve. */
export const processCount = (records: Records): number =>
  records['proxy.config.exec_thread.autoconfig'] === 1
    ? availableParallelism()
    : records['proxy.config.exec_thread.limit']

/** Milliseconds that requests have to end, when the proxy stops. */
export const stopGrace = (records: Records): number => records['proxy.config.stop.shutdown_timeout'] * 1000

export interface FleetSettings {
  readonly url: string
  /** With the authorities that the certificate of Redis may come from; absolute. */
  readonly caFile?: string | undefined
  /** Absolute. */
  readonly keyFile: string
  /** Milliseconds that a handshake waits for Redis. */
  readonly lookupTimeout: number
  /** Milliseconds that what is shared lives in Redis at most; 0: nothing of that kind. */
  readonly lives: { readonly verdict: number; readonly session: number }
}

/** What is shared with other machines; undefined where nothing is. */
export function fleetSettings(records: Records, confDir: string): FleetSettings | undefined {
  const url = records['proxy.config.cluster.redis_url']
  if (url === null) return undefined
  return Object.freeze({
    url,
    caFile: fileOf(records, 'proxy.config.cluster.redis_ca_file', confDir)?.path,
    keyFile: fileOf(records, 'proxy.config.cluster.key_file', confDir).path,
    lookupTimeout: records['proxy.config.cluster.lookup_timeout'],
    lives: Object.freeze({
      verdict: records['proxy.config.cluster.verdict_lifetime'] * SECOND,
      session: records['proxy.config.cluster.session_lifetime'] * SECOND,
    }),
  })
}
