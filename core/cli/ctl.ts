/** `portcullis ctl`: asks and tells a running proxy, through its management socket. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PluginStatus, Status, Withdrawn } from '../admin/admin-api.js'
import type { Approval, GivenAnswer } from '../api/managed.js'
import { ProxyError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import { ALL_RIGHTS, isRole, ROLES } from '../base/roles.js'
import { checkSocketPath } from '../config/admin-socket.js'
import type { Place } from '../program/place.js'
import { readSettings, type Settings } from '../settings/settings.js'
import type { RememberedVerdict } from '../tls/judge/verdict-cache.js'
import { answersText, approvalsText, learn, policy, withdraw } from './ctl-approvals.js'
import { listOf, operator, type Reach, sendTo } from './ctl-client.js'
import {
  alone,
  type Command,
  type CtlOptions,
  command,
  formatOf,
  none,
  reloading,
  reloadingPlugin,
  usage,
} from './ctl-command.js'
import { config, debug, metric } from './ctl-config.js'
import { accept, extend, history, parked, rejectHeld } from './ctl-held.js'
import { server, stopping } from './ctl-server.js'
import { pluginText, revokedText, statusText, verdictsText } from './ctl-text.js'

/** Each takes the words after its own name. */
const COMMANDS: Readonly<Record<string, (args: readonly string[], options: CtlOptions) => Command>> = {
  status: alone('status', () => command(send => send<Status>('GET', '/v1/status'), statusText)),
  parked,
  approvals: alone('approvals', () =>
    command(
      async send => ({ approvals: await listOf<Approval>(send, '/v1/approvals', 'approvals') }),
      ({ approvals }) => approvalsText(approvals),
    ),
  ),
  answers: alone('answers', ({ search = '' }) =>
    command(
      async send => ({
        answers: await listOf<GivenAnswer>(
          send,
          `/v1/answers?search=${encodeURIComponent(search)}`,
          'answers',
        ),
      }),
      ({ answers }) => answersText(answers),
    ),
  ),
  withdraw,
  accept,
  reject: rejectHeld,
  extend,
  history,
  dashboard: alone('dashboard', ({ role = ALL_RIGHTS }) => {
    if (!isRole(role)) throw usage(`--role ${role}: write ${ROLES.join(', ')}`)
    return command(
      send => send<{ url: string }>('POST', '/v1/dashboard', { who: operator(), role }),
      ({ url }) => [url],
    )
  }),
  verdicts: alone('verdicts', () =>
    command(
      async send => ({ verdicts: await listOf<RememberedVerdict>(send, '/v1/verdicts', 'verdicts') }),
      ({ verdicts }) => verdictsText(verdicts),
    ),
  ),
  revoke: ([what, ...more], { all }) => {
    if (more.length > 0 || (what === undefined) !== (all === true))
      throw usage('revoke takes one HOST, key:KEY, spki:DIGEST or cert:DIGEST, or --all')
    const body = what === undefined ? { all: true } : toRevocation(what)
    return command(
      send => send<Withdrawn>('POST', `/v1/revoke?who=${encodeURIComponent(operator())}`, body),
      revokedText,
    )
  },
  config,
  metric,
  debug,
  policy,
  learn,
  plugin: ([verb, tag, data, ...more]) => {
    if (verb === 'list') {
      none(
        'plugin list',
        [tag, data, ...more].filter(word => word !== undefined),
      )
      return command(
        async send => ({ plugins: await listOf<PluginStatus>(send, '/v1/plugins', 'plugins') }),
        ({ plugins }) => plugins.map(pluginText),
      )
    }
    if (verb === 'reload' && tag !== undefined && data === undefined) return reloadingPlugin(tag)
    if (verb !== 'msg' || tag === undefined || more.length > 0)
      throw usage('plugin takes list, reload NAME, or msg TAG [DATA]; DATA with blanks goes in quotes')
    const body = { tag, ...(data === undefined ? {} : { data }) }
    return command(
      send => send<{ plugins: number }>('POST', '/v1/plugin/msg', body),
      ({ plugins }) => [`plugins that heard it: ${plugins}`],
    )
  },
  reload: alone('reload', reloading),
  stop: alone('stop', stopping),
  server,
}

const ANSWERS = ['accept', 'reject']
/** The commands that take an option. */
const OWNERS = {
  all: ['revoke'],
  watch: ['approvals', 'answers', 'parked', 'history', 'verdicts', 'status', 'metric', 'server', 'stop'],
  undo: ['server'],
  drain: ['server'],
  search: ['history', 'answers'],
  result: ['history'],
  limit: ['history'],
  for: ANSWERS,
  leaf: ANSWERS,
  issuer: ANSWERS,
  host: ANSWERS,
  why: ANSWERS,
  role: ['dashboard'],
  records: ['config'],
} as const satisfies { readonly [O in keyof CtlOptions]?: readonly string[] }

/**
 * @throws {ProxyError} PTC_USAGE; PTC_ADMIN_UNREACHABLE when no proxy answers; PTC_ADMIN_REQUEST with what it refuses
 */
export async function ctl({ confDir, env, print }: Place, options: CtlOptions): Promise<void> {
  const [name = '', ...args] = options.words
  const known = Object.keys(COMMANDS)
  const make = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (make === undefined) {
    const list = known.join(', ')
    const help = didYouMean(name, known)
    throw usage(
      name === ''
        ? `give ctl a command: ${list}`
        : `ctl has no command "${name}"${help || `; known: ${list}`}`,
    )
  }
  for (const [option, owners] of Object.entries(OWNERS)) {
    if (options[option as keyof typeof OWNERS] && !(owners as readonly string[]).includes(name))
      throw usage(`--${option} belongs to \`portcullis ctl ${owners.join('` and `')}\``)
  }
  const { watch = false } = options
  const format = formatOf(options)
  const { run, text, isDone } = make(args, options)
  const send = sendTo(reachOf(readSettings({ confDir, env }).admin))
  for (let before = ''; ; await sleep(WATCH_PERIOD)) {
    const result = await run(send)
    const lines = format === 'json' ? [JSON.stringify(result)] : text(result as never)
    const shown = lines.join('\n')
    // What has not changed is not written again.
    if (shown !== before) for (const line of lines) print('stdout', line)
    if (!watch || isDone?.(result as never) === true) return
    before = shown
  }
}

/** The socket; where there is none, the port. */
function reachOf(settings: Settings['admin']): Reach {
  const { socket, listen } = settings
  if (socket !== undefined) return checkSocketPath(socket)
  if (listen !== undefined && !listen.endsWith(':0')) return { listen, settings }
  throw new ProxyError(
    'PTC_ADMIN_UNREACHABLE',
    'proxy.config.admin.socket is NULL, and so is proxy.config.admin.listen: this proxy is not managed',
  )
}

/** Milliseconds between two looks of `--watch`. */
const WATCH_PERIOD = 1000

const PREFIXES: Readonly<Record<string, string>> = { key: 'key', spki: 'spki', cert: 'certificate' }

/** A colon is in every other address of version 6, and in no name. */
function toRevocation(what: string): Readonly<Record<string, string>> {
  const [, prefix = '', rest = ''] = /^([a-z]+):(.+)$/.exec(what) ?? []
  const kind = Object.hasOwn(PREFIXES, prefix) ? PREFIXES[prefix] : undefined
  return kind === undefined ? { host: what } : { [kind]: rest }
}
