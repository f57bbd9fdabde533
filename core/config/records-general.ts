import { FILE, MILLISECONDS, OPTIONAL_FILE, type RecordRow, SWITCH } from './record-row.js'

/** Records about the program as a whole. */
export const GENERAL_RECORDS = {
  'proxy.config.proxy_name': {
    type: 'STRING',
    default: null,
    nullable: true,
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,255}$",
    shape: 'a word without blanks, such as proxy.example.com',
    about: 'The name of this proxy in Via and Proxy-Status; NULL takes the host name.',
  },
  'proxy.config.admin.socket': {
    default: 'portcullis.sock',
    ...OPTIONAL_FILE,
    reload: false,
    about:
      'The unix socket on which `portcullis ctl` finds the running proxy, relative to the configuration folder, readable and writable only for the user of the proxy; NULL opens none. Not in Traffic Server.',
  },
  'proxy.config.admin.listen': {
    type: 'STRING',
    default: null,
    nullable: true,
    pattern: '^(127(\\.\\d{1,3}){3}|\\[::1\\]):\\d{1,5}$',
    shape: 'a loopback address and a port, such as 127.0.0.1:8083',
    reload: false,
    about:
      'Where the management API, its metrics and its page can be reached by TCP; NULL opens no port. Loopback alone; the proxy refuses to connect clients to it. Not in Traffic Server.',
  },
  'proxy.config.admin.token_file': {
    default: 'admin.token',
    ...FILE,
    reload: false,
    about:
      'The file with the token that `proxy.config.admin.listen` asks for (`Authorization: Bearer`), relative to the configuration folder. It is made, for its owner alone, where it is missing; one that other users can read or write is refused. Not in Traffic Server.',
  },
  'proxy.config.admin.tls_cert': {
    default: null,
    ...OPTIONAL_FILE,
    reload: false,
    about:
      'The PEM file with the certificate of that port and its chain, relative to the configuration folder; NULL speaks no TLS. A file that changes is taken within five seconds, without a reload. `ctl` and links use https then. Not in Traffic Server.',
  },
  'proxy.config.admin.tls_key': {
    default: null,
    ...OPTIONAL_FILE,
    reload: false,
    about:
      'The PEM file with the key of that certificate; NULL: it is in the same file. Not in Traffic Server.',
  },
  'proxy.config.admin.may_accept': {
    ...SWITCH,
    default: 0,
    about:
      '1 lets operators accept a held handshake in place of the plugin that holds it (`ctl accept ID`), for that handshake alone. Plugins behind it are still asked, and what binds of the built-in check still binds. Where approval.js holds it, an operator answers its question in any case. Not in Traffic Server.',
  },
  'proxy.config.admin.audit_file': {
    default: 'audit.log',
    ...FILE,
    reload: false,
    about:
      'The file that says what operators have done and tried, one JSON object a line, relative to `proxy.config.log.logfile_dir`; it is for the owner of the proxy alone. Without it no operator can accept a held handshake. Not in Traffic Server.',
  },
  'proxy.config.plugin.plugin_dir': {
    type: 'STRING',
    default: 'plugins',
    shape: 'a folder',
    about:
      'The folder in which relative plugin paths of plugin.config are looked up first; relative to the configuration folder.',
  },
  'proxy.config.plugin.init_timeout': {
    ...MILLISECONDS,
    default: 10_000,
    about: 'How long the init of one plugin may take before the start (or the reload) fails.',
  },
  'proxy.config.plugin.deadline': {
    ...MILLISECONDS,
    default: 30_000,
    about:
      'How long all plugins on one hook may take together, on hooks that park outside of TLS handshakes; then the wait is rejected. A line of plugin.config can set a shorter time with @deadline=.',
  },
  'proxy.config.plugin.isolate.workers': {
    type: 'INT',
    default: 2,
    minimum: 2,
    maximum: 64,
    about:
      'How many worker threads a plugin with @isolate=worker has, with one instance in each. With two, a worker that hangs does not block the hook.',
  },
  'proxy.config.plugin.isolate.memory_mb': {
    type: 'INT',
    default: 64,
    minimum: 16,
    maximum: 65_536,
    about: 'Mebibytes of heap for each worker of an isolated plugin; a worker that needs more is ended.',
  },
  'proxy.config.plugin.isolate.hang_timeout': {
    type: 'INT',
    default: 2000,
    minimum: 50,
    maximum: 2_147_483_647,
    unit: 'ms',
    about: 'How long a busy worker may send nothing; then it is ended.',
  },
  'proxy.config.plugin.isolate.max_failures': {
    type: 'INT',
    default: 5,
    minimum: 1,
    maximum: 1000,
    about:
      'How many workers of a plugin may fail in a row on questions of one hook, without an answer between them. Then the plugin is out of service on this hook, and its questions are rejected at once.',
  },
  'proxy.config.plugin.isolate.retry_after': {
    ...MILLISECONDS,
    default: 5000,
    about:
      'How long a plugin that is out of service is not asked; then it is asked one question as a trial. Each failed trial doubles the time, up to a minute.',
  },
  'proxy.config.diags.debug.enabled': {
    ...SWITCH,
    default: 0,
    about: '1 writes debug lines for the tags of proxy.config.diags.debug.tags.',
    refused: 'debugging single clients (2, 3) is not supported',
  },
  'proxy.config.diags.debug.tags': {
    type: 'STRING',
    default: 'http|dns',
    nullable: true,
    pattern: '^\\S+$',
    shape: 'a regular expression without blanks',
    about:
      'A regular expression in the syntax of RE2; debug tags that begin with a match are written, so `ssl` means `ssl.*`. NULL means none.',
  },
  'proxy.config.diags.logfile.filename': {
    type: 'STRING',
    default: 'stderr',
    pattern: '^\\S+$',
    shape: 'stdout, stderr, or a file name without blanks',
    reload: false,
    about:
      'Where log lines go: stdout, stderr, or a file (relative to the working directory) that is appended to.',
  },
  'proxy.config.url_remap.remap_required': {
    type: 'INT',
    default: 0,
    enum: [0],
    reload: false,
    about: 'A forward proxy has no remap rules; accepted so that a Traffic Server file loads.',
    refused:
      'Portcullis is a forward proxy and has no remap rules; with 1 they closed the proxy to everything else. Set it to 0, and write in ip_allow.yaml who may use the proxy',
  },
} as const satisfies Record<string, RecordRow>
