import type { RecordRow } from './record-row.js'

/** Records about the access log. Diagnostics have theirs, proxy.config.diags. */
export const LOG_RECORDS = {
  'proxy.config.log.logging_enabled': {
    type: 'INT',
    default: 0,
    enum: [0, 1, 2, 3],
    reload: true,
    about:
      'The access log: 0 none, 1 errors only, 2 and 3 all requests (default of Traffic Server: 3). SIGUSR1 and SIGUSR2 reopen the files after a rotation.',
  },
  'proxy.config.log.logfile_dir': {
    type: 'STRING',
    default: 'logs',
    shape: 'a folder',
    reload: true,
    about:
      'The folder of access.log, relative to the working directory; the proxy makes it if it does not exist.',
  },
  'proxy.config.log.filename': {
    type: 'STRING',
    default: 'access.log',
    pattern: '^\\S+$',
    shape: 'stdout, stderr, or a file name without blanks',
    reload: true,
    about: 'The file of the access log: its name in logfile_dir, or stdout or stderr. Not in Traffic Server.',
  },
  'proxy.config.log.format': {
    type: 'STRING',
    default: 'squid',
    shape: 'squid, common, extended, extended2, json, or a text with fields such as %<chi>',
    reload: true,
    about:
      'The format of the access log: squid, common, extended, extended2, json, or a text with the fields of docs/reference/log-fields.md. Not in Traffic Server, which has logging.yaml.',
  },
  'proxy.config.log.certificate_fields': {
    type: 'INT',
    default: 1,
    enum: [0, 1],
    reload: true,
    about:
      "1 appends the fields of the origin's certificate and the error code to squid, common and extended; json always has them. Not in Traffic Server.",
  },
} as const satisfies Record<string, RecordRow>
