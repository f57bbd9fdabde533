/** The commands as data. Help, completion and the errors of the command line are made from these two tables. */

export interface OptionRow {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** What the value is called in help. */
  readonly value?: string
  readonly help: string
  /** What a shell completes the value with. */
  readonly completes?: 'file' | 'folder'
}

export const OPTIONS = {
  'conf-dir': {
    type: 'string',
    short: 'D',
    value: 'DIR',
    help: 'the folder with records.config and plugin.config (default: etc)',
    completes: 'folder',
  },
  'debug-tags': {
    type: 'string',
    short: 'T',
    value: 'REGEX',
    help: 'writes debug lines for these tags, whatever the records say',
  },
  verbose: {
    type: 'boolean',
    help: 'lists what warnings only count: records of Traffic Server that mean nothing here',
  },
  help: { type: 'boolean', short: 'h', help: 'explains the command' },
  version: { type: 'boolean', short: 'V', help: 'prints the version; so does -v' },
  parent: {
    type: 'string',
    value: 'URL',
    help: 'goes through this parent proxy: http, https or socks5://[user:password@]host:port; by default as the configuration says',
  },
  connect: { type: 'string', value: 'ADDR:PORT', help: 'connects there instead of to what HOST resolves to' },
  pem: { type: 'string', value: 'FILE', help: 'writes the chain as PEM', completes: 'file' },
  save: { type: 'string', value: 'FILE', help: 'writes everything for replay', completes: 'file' },
  from: { type: 'string', value: 'trafficserver|squid', help: 'says of which proxy DIR is' },
  to: {
    type: 'string',
    value: 'DIR',
    help: 'the folder that is written (default: the name of the other one and -portcullis)',
    completes: 'folder',
  },
  js: { type: 'boolean', help: 'makes the project in JavaScript' },
  format: { type: 'string', value: 'json|text', help: 'prints the answer in this form' },
  json: { type: 'boolean', help: 'the same as --format json' },
  all: { type: 'boolean', help: 'with revoke: all acceptances' },
  watch: {
    type: 'boolean',
    help: 'with approvals, answers, parked, history, verdicts, status and metric: prints the answer again whenever it changes; with server and stop: the progress, until it is done',
  },
  for: { type: 'string', value: '1h|always', help: 'with accept and reject: how long the answer counts' },
  leaf: { type: 'boolean', help: 'with accept and reject: the answer is about this certificate' },
  issuer: { type: 'boolean', help: 'with accept and reject: about all certificates of its issuer' },
  host: { type: 'boolean', help: 'with accept and reject: about the host, whatever it shows' },
  search: { type: 'string', value: 'WORDS', help: 'with history and answers: rows that have these words' },
  result: {
    type: 'string',
    value: 'accepted|rejected|postponed',
    help: 'with history: rows of this result alone',
  },
  limit: { type: 'string', value: 'N', help: 'with history: how many rows (default: 50)' },
  undo: { type: 'boolean', short: 'U', help: 'with server drain: keeps connections again' },
  drain: { type: 'boolean', help: 'with server restart and stop: as they do anyway' },
  records: { type: 'boolean', help: 'with config: prints lines as records.config has them' },
  role: {
    type: 'string',
    value: 'read|decide|change',
    help: 'with dashboard: what the person may do (default: change, which is everything)',
  },
  why: { type: 'string', value: 'WORDS', help: 'with accept and reject: the reason, for the record' },
} as const satisfies Readonly<Record<string, OptionRow>>

export type OptionName = keyof typeof OPTIONS

/** Options of every command. */
export const GENERAL: readonly OptionName[] = ['conf-dir', 'debug-tags', 'verbose', 'help', 'version']

export interface CommandRow {
  /** The arguments, as help writes them. */
  readonly args: string
  /** How many arguments there are; without `most`, any number. */
  readonly least: number
  readonly most?: number
  /** Options that other commands do not have. */
  readonly options: readonly OptionName[]
  readonly help: string
  /** Words that a shell completes the first argument with. */
  readonly words?: readonly string[]
  /** Words for the second argument, by the first. */
  readonly nextWords?: Readonly<Record<string, readonly string[]>>
  readonly completes?: 'file' | 'folder'
}

const none = { args: '', least: 0, most: 0, options: [] } as const

export const COMMANDS = {
  init: {
    args: '[DIR]',
    least: 0,
    most: 1,
    options: [],
    completes: 'folder',
    help: 'Writes a commented configuration, which starts as it stands, into DIR (default: the folder of -D). Nothing is overwritten.',
  },
  start: {
    ...none,
    help: 'Runs in the foreground. SIGHUP reads the configuration again, SIGUSR1 and SIGUSR2 open the logs anew, SIGTERM drains and ends.',
  },
  'verify-config': {
    ...none,
    options: ['format', 'json'],
    help: "Checks everything that start would, runs the plugins' inits, and opens no port. Exit status: 0 in order, 1 not; --json lists the problems for programs.",
  },
  try: {
    args: 'HOST[:PORT]',
    least: 1,
    most: 1,
    options: ['connect', 'parent', 'pem', 'save'],
    help: 'Makes one handshake through the plugins and tells what happens. Exit status: 0 accepted, 1 rejected, 2 no answer.',
  },
  replay: {
    args: 'FILE...',
    least: 1,
    options: [],
    completes: 'file',
    help: 'Asks the configured plugins about chains that `try --save` has written. Exit status: 1 when a verdict differs.',
  },
  'plugin new': {
    args: 'NAME',
    least: 1,
    most: 1,
    options: ['js'],
    help: 'Makes the project of a new plugin, in TypeScript or JavaScript, with its test.',
  },
  ctl: {
    args: 'COMMAND',
    least: 0,
    options: [
      'format',
      'json',
      'all',
      'watch',
      'for',
      'leaf',
      'issuer',
      'host',
      'why',
      'search',
      'result',
      'limit',
      'undo',
      'drain',
      'records',
      'role',
    ],
    words: [
      'status',
      'parked',
      'approvals',
      'answers',
      'withdraw',
      'accept',
      'reject',
      'extend',
      'history',
      'verdicts',
      'revoke',
      'plugin',
      'config',
      'metric',
      'debug',
      'policy',
      'learn',
      'dashboard',
      'reload',
      'server',
      'stop',
    ],
    nextWords: {
      config: ['get', 'match', 'defaults', 'diff', 'describe', 'set', 'reload', 'status'],
      debug: ['off'],
      learn: ['report', 'write'],
      metric: ['get', 'match'],
      plugin: ['list', 'msg', 'reload'],
      policy: ['explain'],
      server: ['drain', 'restart', 'status', 'stop'],
    },
    help: 'Asks and tells the running proxy of the same -D: status, parked, approvals, answers, withdraw ID, accept ID, reject ID [REASON [DETAIL]], extend ID TIME, history [--search WORDS] [--result RESULT] [--limit N], verdicts, revoke HOST|key:KEY|spki:DIGEST|cert:DIGEST|--all, plugin list, plugin msg TAG [DATA], plugin reload NAME, config get|describe RECORD..., config match REGEX..., config defaults|diff|status|reload, config set RECORD VALUE, metric get NAME..., metric match REGEX..., debug TAGS|off, policy explain HOST[:PORT], learn report|write, dashboard [--role read|decide], reload, server drain [--undo]|restart|status|stop, stop.',
  },
  learn: {
    args: 'report|write',
    least: 1,
    most: 1,
    options: ['format', 'json'],
    words: ['report', 'write'],
    help: 'The same as `portcullis ctl learn`.',
  },
  migrate: {
    args: 'DIR',
    least: 1,
    most: 1,
    options: ['from', 'to'],
    completes: 'folder',
    help: 'Turns a folder of Traffic Server or Squid into one for -D, and tells what became of each setting. Exit status: 0 every restriction was kept, 1 something is to be decided.',
  },
  'ca init': { ...none, help: 'Makes the authority for bump mode, and says how clients trust it.' },
  completion: {
    args: 'bash|fish|zsh',
    least: 1,
    most: 1,
    options: [],
    words: ['bash', 'fish', 'zsh'],
    help: 'Prints a script for the shell: source <(portcullis completion bash), or zsh; portcullis completion fish | source.',
  },
  help: { args: '[COMMAND]', least: 0, most: 2, options: [], help: 'Explains one command, or lists all.' },
  version: { ...none, help: 'Prints the version.' },
} as const satisfies Readonly<Record<string, CommandRow>>

export type CommandName = keyof typeof COMMANDS
