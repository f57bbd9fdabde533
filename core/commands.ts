/**
 * The command line. With main.ts, which is there before it, the only part of the program that knows the process it runs
 * in. Each command loads what it needs: `ctl` is done before the engine would be there.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { authorityText } from './base/authority.js'
import { errorText } from './base/edge.js'
import { ProxyError } from './base/errors.js'
import { didYouMean } from './base/nearest.js'
import { describe, describeThrown } from './base/thrown.js'
import { CTL_OPTIONS, type CtlOptions } from './cli/ctl-command.js'
import type { TryOptions } from './cli/try.js'
import type { Place } from './program/generation.js'

const USAGE = `portcullis: a forward HTTPS proxy whose plugins hold the TLS handshake

  portcullis start          runs in the foreground; SIGHUP reads the configuration again, SIGUSR1 and
                            SIGUSR2 open the logs anew, SIGTERM drains and ends
  portcullis verify-config  checks everything that start would, runs the plugins' inits, opens no port
  portcullis try [--connect ADDR:PORT] [--pem FILE] [--save FILE] HOST[:PORT]
                            makes one handshake through the plugins and tells what happens; FILE gets the chain as
                            PEM, or everything for replay. Exit status: 0 accepted, 1 rejected, 2 no answer
  portcullis replay FILE... runs today's plugins on what try has saved; exit status 1 when a verdict differs
  portcullis plugin new NAME [--js]
                            makes the project of a new plugin, in TypeScript or JavaScript: it builds, with its test
  portcullis ctl COMMAND [--format json|text]
                            asks and tells the proxy that runs with DIR: status, parked, reject ID [REASON [DETAIL]],
                            dashboard, approvals [--watch], accept ID, reject ID (both with
                            [--for 1h|always] [--leaf|--issuer|--host] [--why WORDS]),
                            verdicts, revoke HOST|key:KEY|spki:DIGEST|cert:DIGEST|--all, plugin msg TAG [DATA],
                            policy explain HOST[:PORT], learn report|write, reload, stop
  portcullis learn report|write    the same as ctl learn
  portcullis migrate [--from trafficserver|squid] DIR [--to DIR]
                            turns a folder of Traffic Server or Squid into one for -D, and tells what became of each
                            setting. Exit status: 0 every restriction was kept, 1 something is to be decided
  portcullis ca init        makes the authority for bump mode, and says how clients trust it

  -D, --conf-dir DIR        where records.config and plugin.config are (default: etc)
  -T, --debug-tags REGEX    writes debug lines for these tags, whatever the records say
      --verbose             lists what warnings only count: records of Traffic Server that mean nothing here
  -h, --help
  -V, --version

Exit status: 0 in order, 1 an error that is named, 64 a mistake on the command line.
`

/** Where the program is installed. */
const HOME = new URL('../../', import.meta.url)
const EXIT_USAGE = 64
/** How long requests may take to end after SIGTERM, in milliseconds. */
const DRAIN = 30_000

const COMMANDS: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  start,
  'verify-config': verifyConfig,
  // Loaded when asked for: the X.509 library costs as much as all the rest.
  'ca init': async ({ confDir, print }) =>
    (await import('./cli/ca-init.js')).initCa(confDir, line => print('stdout', line)),
}

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseCommandLine(args)
  if (values.help) return void process.stdout.write(USAGE)
  if (values.version) return void process.stdout.write(`portcullis ${version()}\n`)
  const [first = '', ...rest] = positionals
  const { connect, pem, save, js } = values
  if (first !== 'plugin' && js) throw new ProxyError('PTC_USAGE', '--js belongs to `portcullis plugin new`')
  const stray = Object.keys(CTL_OPTIONS).find(name => values[name as keyof typeof values] !== undefined)
  if (first !== 'ctl' && first !== 'learn' && stray !== undefined)
    throw new ProxyError('PTC_USAGE', `--${stray} belongs to \`portcullis ctl\``)
  if (first !== 'try' && (connect ?? pem ?? save) !== undefined)
    throw new ProxyError('PTC_USAGE', '--connect, --pem and --save belong to `portcullis try`')
  if (first !== 'migrate' && (values.from ?? values.to) !== undefined)
    throw new ProxyError('PTC_USAGE', '--from and --to belong to `portcullis migrate`')
  const asked = {
    try: (place: Place) => tryOne(place, rest, { connect, pem, save }),
    plugin: () => makePlugin(rest, js ?? false),
    replay: async (place: Place) => (await import('./cli/replay.js')).replay(place, rest),
    migrate: async (place: Place) => {
      const { migrateFolder } = await import('./cli/migrate.js')
      return migrateFolder(place, { words: rest, from: values.from, to: values.to, cwd: process.cwd() })
    },
    ctl: (place: Place) => control(place, { ...values, words: rest }),
    learn: (place: Place) => control(place, { ...values, words: positionals }),
  }
  if (Object.hasOwn(asked, first)) {
    process.exit(await asked[first as keyof typeof asked](placeOf(values))) // a plugin may have left something behind
  }
  const name = positionals.join(' ')
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) {
    const known = [...Object.keys(COMMANDS), ...Object.keys(asked)]
    const list = known.join(', ')
    const help = didYouMean(name, known) || didYouMean(first, known) || `; known: ${list}`
    throw new ProxyError(
      'PTC_USAGE',
      name === '' ? `give a command: ${list}` : `unknown command "${name}"${help}`,
    )
  }
  await command(placeOf(values))
}

function placeOf(values: PlaceOptions): Place {
  return {
    confDir: resolve(values['conf-dir'] ?? 'etc'),
    isVerbose: values.verbose ?? false,
    env: process.env,
    shippedDirs: ['../plugins', '../sample-plugins'].map(dir => fileURLToPath(new URL(dir, import.meta.url))),
    stripsTypes: 'typescript' in process.features && Boolean(process.features.typescript),
    print: (stream, line) => void process[stream].write(`${line}\n`),
    ...(values['debug-tags'] === undefined ? {} : { debugTags: values['debug-tags'] }),
  }
}

interface PlaceOptions {
  readonly 'conf-dir'?: string
  readonly 'debug-tags'?: string
  readonly verbose?: boolean
}

const control = async (place: Place, options: CtlOptions): Promise<number> =>
  (await import('./cli/ctl.js')).ctl(place, options).then(() => 0)

async function makePlugin(words: readonly string[], isJavaScript: boolean): Promise<number> {
  const { newPlugin } = await import('./cli/plugin-new.js')
  const print = (line: string): void => void process.stdout.write(`${line}\n`)
  newPlugin({ words, isJavaScript, cwd: process.cwd(), home: fileURLToPath(HOME), print })
  return 0
}

async function tryOne(
  place: Place,
  targets: readonly string[],
  files: Omit<TryOptions, 'target'>,
): Promise<number> {
  const [target, ...more] = targets
  if (target === undefined || more.length > 0) throw new ProxyError('PTC_USAGE', 'try takes one HOST[:PORT]')
  const { tryOrigin } = await import('./cli/try.js')
  return tryOrigin(place, { ...files, target })
}

const OPTIONS = {
  'conf-dir': { type: 'string', short: 'D' },
  'debug-tags': { type: 'string', short: 'T' },
  verbose: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
  connect: { type: 'string' },
  pem: { type: 'string' },
  save: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  js: { type: 'boolean' },
  ...CTL_OPTIONS,
} as const

function parseCommandLine(args: readonly string[]) {
  checkOptions(args)
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
  } catch (cause) {
    throw new ProxyError('PTC_USAGE', describe(cause), { cause })
  }
}

/** Node's own message explains something else. */
function checkOptions(args: readonly string[]): void {
  const { tokens } = parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(OPTIONS, token.name)) continue
    const help = didYouMean(
      token.rawName,
      Object.keys(OPTIONS).map(name => `--${name}`),
    )
    throw new ProxyError('PTC_USAGE', `unknown option ${token.rawName}${help}`)
  }
}

function version(): string {
  const text = readFileSync(new URL('package.json', HOME), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

async function start(place: Place): Promise<void> {
  const { ProxyServer } = await import('./program/proxy.js')
  const proxy = await ProxyServer.start(place)
  surviveEverything(message => proxy.tellFault(message))
  process.on('SIGHUP', () => void proxy.reload().catch(() => {})) // it is logged
  const stop = (why: string): void => {
    void proxy.stop(DRAIN).then(() => process.exit(0))
    const most = `${DRAIN / 1000} s at most`
    place.print('stdout', `portcullis got ${why}, ends when its requests have ended (${most})`)
  }
  for (const signal of ['SIGUSR1', 'SIGUSR2']) process.on(signal, () => proxy.reopenLogs())
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  const stopByHand = (): number => {
    setImmediate(stop, 'a request to stop')
    return DRAIN
  }
  // Not before: a signal may come as soon as this has been read.
  for (const { address, port } of proxy.ports) {
    place.print('stdout', `portcullis listens on ${authorityText(address, port)}`)
  }
  await proxy.manage({ version: version(), pid: process.pid, stop: stopByHand })
}

/**
 * From here on the process ends for want of memory, or by a signal. What a plugin throws where nothing of the proxy can
 * catch it (from a timer of its own, from a promise that it drops) is a line of the log.
 */
function surviveEverything(tell: (message: string) => void): void {
  process.on('uncaughtException', cause => tell(`an exception that nothing caught: ${describeThrown(cause)}`))
  process.on('unhandledRejection', cause => tell(`a rejection that nothing caught: ${describeThrown(cause)}`))
  // A log that nobody reads must not be told of that in the log.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}

async function verifyConfig(place: Place): Promise<void> {
  const { discard, openLogs, makeGeneration, warningsOf } = await import('./program/generation.js')
  const { checkSink } = await import('./program/log-sink.js')
  const { readConfiguration } = await import('./settings/settings.js')
  const configuration = readConfiguration(place)
  const logs = openLogs(place, configuration.settings)
  const generation = await makeGeneration(place, logs, configuration)
  const { accessLog } = generation.settings
  if (accessLog !== undefined) checkSink(accessLog)
  for (const warning of warningsOf(generation)) place.print('stderr', `warning: ${warning}`)
  discard(generation)
  const { names } = generation.plugins
  place.print(
    'stdout',
    `${place.confDir}: in order; plugins: ${names.length === 0 ? 'none' : names.join(', ')}; trusting ${generation.contexts.trusts}`,
  )
  process.exit(0) // a plugin may have left a timer or a connection behind
}

/** Does what the command line says; the process may go on afterwards. */
export async function run(args: readonly string[]): Promise<void> {
  try {
    await main(args)
  } catch (cause) {
    process.stderr.write(`portcullis: ${errorText(cause)}\n`)
    process.exit(ProxyError.codeOf(cause) === 'PTC_USAGE' ? EXIT_USAGE : 1)
  }
}
