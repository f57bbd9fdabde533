/** Runs the commands. Of the whole program, only this file and main.ts use the process that they run in. */
import type { Worker } from 'node:cluster'
import { resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { authorityText } from './base/authority.js'
import { errorText } from './base/edge.js'
import { ProxyError } from './base/errors.js'
import { describeThrown } from './base/thrown.js'
import {
  type CommandCall,
  commandIn,
  type OptionValues,
  readCommandLine,
  unknownCommand,
} from './cli/command-line.js'
import type { CommandName } from './cli/command-table.js'
import { completionFor } from './cli/completion.js'
import type { CtlOptions } from './cli/ctl-command.js'
import { commandHelp, helpText } from './cli/help.js'
import { nearPath } from './cli/own-command.js'
import { HOME, type Shell, toStdout, usable, version } from './cli/shell.js'
import type { Fleet } from './cluster/fleet/fleet.js'
import type { Place } from './program/place.js'
import type { ServiceManager } from './program/service-manager.js'
import { type Running, tellProgress } from './program/stop-progress.js'
import type { Settings } from './settings/settings.js'

const EXIT_USAGE = 64

/** Runs a command; the exit status, or undefined where the process goes on. */
type Run = (call: CommandCall, place: Place, shell: Shell) => Promise<number | undefined>

/** A command loads what it needs when it runs: the X.509 library alone costs as much as all the rest. */
const RUN: Readonly<Record<CommandName, Run>> = {
  init: async ({ args: [dir] }, { confDir }, shell) => {
    const { initFolder } = await import('./cli/init.js')
    const folder = dir === undefined ? confDir : resolve(shell.cwd, dir)
    initFolder(
      { dir: folder, name: nearPath(shell.cwd, folder) },
      fileURLToPath(new URL('etc', HOME)),
      toStdout(shell),
    )
    return 0
  },
  start: async (_, place) => {
    await start(place)
    return undefined
  },
  'verify-config': async ({ values }, place) =>
    (await import('./cli/verify-config.js')).verifyConfig(place, values),
  try: async ({ args: [target = ''], values: { connect, parent, pem, save } }, place) =>
    (await import('./cli/try.js')).tryOrigin(place, { target, connect, parent, pem, save }),
  replay: async ({ args }, place) => (await import('./cli/replay.js')).replay(place, args),
  'plugin new': async ({ args: [name = ''], values: { js = false } }, _, shell) => {
    const { newPlugin } = await import('./cli/plugin-new.js')
    const home = fileURLToPath(HOME)
    newPlugin({
      name,
      isJavaScript: js,
      cwd: shell.cwd,
      home,
      version: version(),
      print: toStdout(shell),
    })
    return 0
  },
  ctl: ({ args, values }, place) => control(place, { ...values, words: args }),
  learn: ({ args, values }, place) => control(place, { ...values, words: ['learn', ...args] }),
  migrate: async ({ args, values: { from, to } }, place, shell) => {
    const { migrateFolder } = await import('./cli/migrate.js')
    return migrateFolder(
      { ...place, print: (stream, line) => place.print(stream, usable(line, shell)) },
      { words: args, from, to, cwd: shell.cwd },
    )
  },
  'ca init': async (_, { confDir }, shell) => {
    await (await import('./cli/ca-init.js')).initCa(confDir, toStdout(shell))
    return 0
  },
  completion: async ({ args: [shell] }, { print }) => {
    print('stdout', completionFor(shell).trimEnd())
    return 0
  },
  help: async ({ args }, { print }) => {
    const name = commandIn(args)
    if (name === undefined && args.length > 0) throw unknownCommand(args)
    print('stdout', (name === undefined ? helpText() : commandHelp(name)).trimEnd())
    return 0
  },
  version: async (_, { print }) => {
    print('stdout', `portcullis ${version()}`)
    return 0
  },
}

const control = async (place: Place, options: CtlOptions): Promise<number> =>
  (await import('./cli/ctl.js')).ctl(place, options).then(() => 0)

/**
 * Does what the command line says, and prints what is wrong with it.
 * @returns the exit status, or undefined where the process goes on
 */
export async function statusOf(args: readonly string[], shell: Shell): Promise<number | undefined> {
  try {
    const call = readCommandLine(args)
    shell.begins?.(call.name)
    return await RUN[call.name](call, placeOf(call.values, shell), shell)
  } catch (cause) {
    shell.print('stderr', `portcullis: ${usable(errorText(cause), shell)}`)
    return ProxyError.codeOf(cause) === 'PTC_USAGE' ? EXIT_USAGE : 1
  }
}

function placeOf(values: OptionValues, { cwd, env, print }: Shell): Place {
  return {
    confDir: resolve(cwd, values['conf-dir'] ?? 'etc'),
    version: version(),
    isVerbose: values.verbose ?? false,
    env,
    shippedDirs: ['../plugins', '../sample-plugins'].map(dir => fileURLToPath(new URL(dir, import.meta.url))),
    stripsTypes: 'typescript' in process.features && Boolean(process.features.typescript),
    print,
    ...(values['debug-tags'] === undefined ? {} : { debugTags: values['debug-tags'] }),
  }
}

/** Starts a proxy in this process, or several processes, or one of these. */
async function start(place: Place): Promise<void> {
  const { isWorker, worker } = (await import('node:cluster')).default
  const settings = await settingsIn(place)
  const fleet = settings?.fleet && new (await import('./cluster/fleet/fleet.js')).Fleet(settings.fleet)
  if (isWorker && worker !== undefined) return startMember(place, worker, fleet)
  const { serviceManager } = await import('./program/service-manager.js')
  const manager = serviceManager(process.env, process.pid, message => place.print('stderr', message))
  if (settings !== undefined && settings.processes > 1) return supervise(place, settings, fleet, manager)
  return startAlone(place, fleet, manager)
}

/** Undefined where they cannot be read: the start says why, together with all other mistakes. */
async function settingsIn(place: Place): Promise<Settings | undefined> {
  const { readSettings } = await import('./settings/settings.js')
  try {
    return readSettings(place)
  } catch {
    return undefined
  }
}

async function startAlone(place: Place, fleet: Fleet | undefined, manager: ServiceManager): Promise<void> {
  const { ProxyServer } = await import('./program/proxy.js')
  const proxy = await ProxyServer.start(place, fleet && { ...fleet.others, count: 1 })
  const stop = stoppingOf(place, proxy, manager, proxy.stopGrace)
  // Signals have their listeners by now: one may come as soon as these lines have been read.
  for (const { address, port } of proxy.ports) {
    place.print('stdout', `portcullis listens on ${authorityText(address, port)}`)
  }
  await proxy.manage({ version: version(), pid: process.pid, stop, tellOthers: fleet?.withdraw })
  manager.ready()
}

/** What a running program does at a signal. @returns what an operator's request to stop does */
function stoppingOf(place: Place, program: Running, manager: ServiceManager, grace: number) {
  surviveEverything(message => program.tellFault(message))
  process.on('SIGHUP', () => void program.reload().catch(() => {})) // it is logged
  const stop = (why: string): void => {
    manager.stopping()
    void program.stop(grace).then(() => process.exit(0))
    const most = `${grace / 1000} s at most`
    tellProgress(grace, program, place.print)
    place.print('stdout', `portcullis got ${why}, ends when its requests have ended (${most})`)
  }
  for (const signal of ['SIGUSR1', 'SIGUSR2']) process.on(signal, () => program.reopenLogs())
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  return (): number => {
    setImmediate(stop, 'a request to stop')
    return grace
  }
}

async function supervise(
  place: Place,
  settings: Settings,
  fleet: Fleet | undefined,
  manager: ServiceManager,
): Promise<void> {
  const cluster = (await import('node:cluster')).default
  const { Primary } = await import('./cluster/primary.js')
  cluster.setupPrimary({ serialization: 'advanced' })
  let stop = (): number => 0
  const options = { fork: () => cluster.fork(), pid: process.pid, stop: () => stop(), fleet }
  const primary = await Primary.start(place, settings, options)
  if (primary === undefined) process.exit(1)
  stop = stoppingOf(place, primary, manager, settings.stopGrace)
  manager.ready()
}

/** The supervising process has the terminal's signals as well, and says what is to be done. */
async function startMember(place: Place, worker: Worker, fleet: Fleet | undefined): Promise<void> {
  const { startMember: start } = await import('./cluster/member.js')
  for (const signal of ['SIGHUP', 'SIGINT'] as const) process.on(signal, () => undefined)
  let end = (): void => process.exit(0)
  const stop = (): number => {
    setImmediate(end)
    return 0
  }
  const manager = { version: version(), pid: process.pid, stop }
  const { proxy, handBack } = await start(place, worker, manager, fleet)
  surviveEverything(message => proxy.tellFault(message))
  end = () => {
    end = () => undefined
    void proxy
      .stop(proxy.stopGrace)
      .then(handBack)
      .then(() => process.exit(0))
  }
  process.once('SIGTERM', stop)
}

/**
 * From here on the process ends only by a signal, or for want of memory. An exception of a plugin that nothing in the
 * proxy can catch (from its own timer, from a promise that it drops) is logged.
 */
function surviveEverything(tell: (message: string) => void): void {
  process.on('uncaughtException', cause => tell(`an exception that nothing caught: ${describeThrown(cause)}`))
  process.on('unhandledRejection', cause => tell(`a rejection that nothing caught: ${describeThrown(cause)}`))
  // An error of the log's own stream cannot be logged there.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}

/** Does what the command line of this process says; the process may go on afterwards. */
export async function run(args: readonly string[]): Promise<void> {
  const status = await statusOf(args, {
    cwd: process.cwd(),
    env: process.env,
    print: (stream, line) => void process[stream].write(`${line}\n`),
    begins: name => {
      // What reads the output may end first, as `head` does.
      if (name !== 'start') process.stdout.on('error', () => process.exit(0))
    },
  })
  if (status !== undefined) process.exit(status) // a plugin may have left a timer or a connection behind
}
