import { FILE, MILLISECONDS, OPTIONAL_FILE, type RecordRow } from './record-row.js'

/** The lifetime of a shared item. */
const LIFETIME = {
  type: 'INT',
  default: 3600,
  minimum: 0,
  maximum: 86_400,
  unit: 's',
  reload: false,
} as const

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
  'proxy.config.stop.shutdown_timeout': {
    type: 'INT',
    default: 30,
    minimum: 0,
    maximum: 86_400,
    unit: 's',
    reload: false,
    about:
      'How long requests may take to end after SIGTERM, `ctl stop` or `ctl server restart`; then their connections are closed (default of Traffic Server: 0, at once).',
  },
  'proxy.config.cluster.redis_url': {
    type: 'STRING',
    default: null,
    nullable: true,
    pattern: '^rediss?://(?:[^/\\s]*@)?[^/\\s@?#]+(?:/\\d*)?$',
    shape: 'redis://[user:password@]host[:port][/db], or rediss:// for TLS',
    isSecret: true,
    reload: false,
    about:
      'The Redis that proxies on several machines share: what plugins keep in `context.state`, revocations, remembered verdicts, and sessions with origins. NULL keeps all in each proxy. While Redis is away each proxy goes on alone, and says so; a revocation reaches the others when it is back. Not in Traffic Server.',
  },
  'proxy.config.cluster.redis_ca_file': {
    default: null,
    ...OPTIONAL_FILE,
    reload: false,
    about:
      'The PEM file with the authorities that the certificate of that Redis may come from (`rediss://`), relative to the configuration folder; NULL: those that Node trusts, and of NODE_EXTRA_CA_CERTS. Not in Traffic Server.',
  },
  'proxy.config.cluster.key_file': {
    ...FILE,
    default: 'cluster.keys',
    reload: false,
    about:
      'The keys that seal what goes to that Redis, in the configuration folder: a line for each, as `openssl rand -hex 32` prints it; the first seals, all open. Every proxy has the same.',
  },
  'proxy.config.cluster.verdict_lifetime': {
    ...LIFETIME,
    about:
      'How long a remembered verdict (`accept({ cacheFor })`) is in that Redis at most; 0 keeps all of them in each process. It is there no longer than the plugin, the verdict and the chain allow. Not in Traffic Server.',
  },
  'proxy.config.cluster.session_lifetime': {
    ...LIFETIME,
    about:
      'How long a TLS session with an origin (`proxy.config.ssl.origin_session_cache`) is in that Redis at most; 0 keeps all of them in each process. It is there no longer than the origin, the verdict and the chain allow. Not in Traffic Server.',
  },
  'proxy.config.cluster.lookup_timeout': {
    ...MILLISECONDS,
    default: 50,
    maximum: 10_000,
    reload: false,
    about:
      'How long a handshake waits for that Redis, when this process remembers no verdict or has no session; then it goes on as without. Not in Traffic Server.',
  },
} as const satisfies Record<string, RecordRow>
