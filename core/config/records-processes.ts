import type { RecordRow } from './record-row.js'

/** Records about the processes that serve. */
export const PROCESS_RECORDS = {
  'proxy.config.exec_thread.autoconfig': {
    type: 'INT',
    default: 0,
    enum: [0, 1],
    reload: false,
    about:
      '1 serves with one process for each core, and proxy.config.exec_thread.limit has no meaning (default of Traffic Server: 1, and threads).',
  },
  'proxy.config.exec_thread.limit': {
    type: 'INT',
    default: 1,
    minimum: 1,
    maximum: 256,
    reload: false,
    about:
      'How many processes serve. With more than one, the process that was started only supervises: it spreads connections, answers `portcullis ctl`, and replaces a process that ends (default of Traffic Server: 2 threads).',
  },
} as const satisfies Record<string, RecordRow>
