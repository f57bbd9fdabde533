import { type RecordRow, SWITCH } from './record-row.js'

/** The rows that say when a log is rolled, for the access log and for diagnostics. */
const rolling = <I extends number, S extends number, R extends boolean>(
  interval: I,
  megabytes: S,
  reload: R,
) =>
  ({
    interval: {
      type: 'INT',
      default: interval,
      minimum: 60,
      maximum: 86_400,
      reload,
      about: 'Seconds between two times at which the file is rolled.',
    },
    size: {
      type: 'INT',
      default: megabytes,
      minimum: 1,
      maximum: 1_000_000,
      reload,
      about: 'MB at which the file is rolled by size.',
    },
    minCount: {
      type: 'INT',
      default: 0,
      minimum: 0,
      maximum: 100_000,
      reload,
      about: 'How many rolled files are kept where proxy.config.log.max_space_mb_for_logs is exceeded.',
    },
  }) as const

const ACCESS = rolling(86_400, 10, true)
const DIAGS = rolling(3600, 100, false)

/** Records about the access log, and about the rolling of log files. */
export const LOG_RECORDS = {
  'proxy.config.log.logging_enabled': {
    type: 'INT',
    default: 0,
    enum: [0, 1, 2, 3],
    about:
      'The access log: 0 none, 1 errors only, 2 and 3 all requests (default of Traffic Server: 3). SIGUSR1 and SIGUSR2 reopen the files after a rotation.',
  },
  'proxy.config.log.logfile_dir': {
    type: 'STRING',
    default: 'logs',
    shape: 'a folder',
    about:
      'The folder of access.log, relative to the working directory; the proxy makes it if it does not exist.',
  },
  'proxy.config.log.filename': {
    type: 'STRING',
    default: 'access.log',
    pattern: '^\\S+$',
    shape: 'stdout, stderr, or a file name without blanks',
    about: 'The file of the access log: its name in logfile_dir, or stdout or stderr. Not in Traffic Server.',
  },
  'proxy.config.log.format': {
    type: 'STRING',
    default: 'squid',
    shape: 'squid, common, extended, extended2, json, or a text with fields such as %<chi>',
    about:
      'The format of the access log: squid, common, extended, extended2, json, or a text with the fields of docs/reference/log-fields.md. Not in Traffic Server, which has logging.yaml.',
  },
  'proxy.config.log.certificate_fields': {
    ...SWITCH,
    default: 1,
    about:
      "1 appends the fields of the origin's certificate and the error code to squid, common and extended; json always has them. Not in Traffic Server.",
  },
  'proxy.config.log.rolling_enabled': {
    type: 'INT',
    default: 1,
    enum: [0, 1, 2, 3, 4],
    about:
      'When the access log is rolled: its file gets a name such as access.log_HOST.20261129.00h00m00s-20261130.00h00m00s.old. 0 never, 1 at times, 2 by size, 3 at times or by size, 4 at times if it has the size as well. Set 0 where another program rotates the file.',
  },
  'proxy.config.log.rolling_interval_sec': ACCESS.interval,
  'proxy.config.log.rolling_offset_hr': {
    type: 'INT',
    default: 0,
    minimum: 0,
    maximum: 23,
    about: 'The hour of the day, in local time, from which the times are counted.',
  },
  'proxy.config.log.rolling_size_mb': ACCESS.size,
  'proxy.config.log.rolling_max_count': {
    type: 'INT',
    default: 0,
    minimum: 0,
    maximum: 100_000,
    about: 'How many rolled files of the access log are kept, the newest; 0 for all.',
  },
  'proxy.config.log.rolling_min_count': ACCESS.minCount,
  'proxy.config.log.rolling_allow_empty': {
    ...SWITCH,
    default: 0,
    about: '1 rolls a file in which there is nothing as well.',
  },
  'proxy.config.log.auto_delete_rolled_files': {
    ...SWITCH,
    default: 1,
    about: '1 deletes the oldest rolled files of a log when all of them exceed max_space_mb_for_logs.',
  },
  'proxy.config.log.max_space_mb_for_logs': {
    type: 'INT',
    default: 25_000,
    minimum: 1,
    maximum: 1_000_000_000,
    about:
      'MB that the rolled files of a log may take. Beyond it the oldest are deleted; the log itself goes on.',
  },
  'proxy.config.diags.logfile.rolling_enabled': {
    type: 'INT',
    default: 0,
    enum: [0, 1, 2, 3],
    reload: false,
    about:
      'When the file of proxy.config.diags.logfile.filename is rolled: 0 never, 1 at times, 2 by size, 3 either.',
  },
  'proxy.config.diags.logfile.rolling_interval_sec': DIAGS.interval,
  'proxy.config.diags.logfile.rolling_size_mb': DIAGS.size,
  'proxy.config.diags.logfile.rolling_min_count': DIAGS.minCount,
} as const satisfies Record<string, RecordRow>
