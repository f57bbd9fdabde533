/** `portcullis ctl`: asks and tells a running proxy, through its management socket. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ParkedRow, PluginStatus, Status, Withdrawn } from '../admin/admin-api.js'
import type { Approval } from '../api/managed.js'
import { X509_ERRORS } from '../api/x509-errors.js'
import { ProxyError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import { ALL_RIGHTS, isRole, ROLES } from '../base/roles.js'
import { checkSocketPath } from '../config/admin-socket.js'
import type { Place } from '../program/generation.js'
import { readSettings } from '../settings/settings.js'
import { REASONS } from '../tls/judge/verdict.js'
import type { RememberedVerdict } from '../tls/judge/verdict-cache.js'
import type { HeldTurn } from '../wait/held-turns.js'
import { answer, approvalsText, isQuestion, learn, operator, policy } from './ctl-approvals.js'
import { sendTo } from './ctl-client.js'
import { type Command, type CtlOptions, command, formatOf, none, reloading, usage } from './ctl-command.js'
import { config, debug, metric } from './ctl-config.js'
import {
  duration,
  heldText,
  parkedText,
  pluginText,
  revokedText,
  statusText,
  verdictsText,
} from './ctl-text.js'

/** Each takes the words after its own name. */
const COMMANDS: Readonly<Record<string, (args: readonly string[], options: CtlOptions) => Command>> = {
  status: args => {
    none('status', args)
    return command(send => send<Status>('GET', '/v1/status'), statusText)
  },
  parked: args => {
    none('parked', args)
    return command(
      send => send<{ parked: readonly ParkedRow[]; held: readonly HeldTurn[] }>('GET', '/v1/parked'),
      ({ parked, held }) => [...parkedText(parked), ...heldText(held)],
    )
  },
  approvals: args => {
    none('approvals', args)
    return command(
      send => send<{ approvals: readonly Approval[] }>('GET', '/v1/approvals'),
      ({ approvals }) => approvalsText(approvals),
    )
  },
  accept: ([id = '', ...more], options) => {
    if (!isQuestion(id) || more.length > 0)
      throw usage('accept takes the ID of a question; `ctl approvals` lists them')
    return answer(id, 'accept', options)
  },
  reject: ([id = '', ...rest], options) => {
    if (isQuestion(id) && rest.length === 0) return answer(id, 'reject', options)
    const [reason = 'policy', ...detail] = rest
    if (!/^[1-9]\d{0,15}$/.test(id))
      throw usage('reject takes the ID of a handshake (`ctl parked`) or of a question (`ctl approvals`)')
    checkReason(reason)
    const body = { reason, ...(detail.length === 0 ? {} : { detail: detail.join(' ') }) }
    return command(
      send => send<{ id: number }>('POST', `/v1/parked/${id}/reject`, body),
      answer => [`handshake ${answer.id} is rejected: ${reason}`],
    )
  },
  dashboard: (args, { role = ALL_RIGHTS }) => {
    none('dashboard', args)
    if (!isRole(role)) throw usage(`--role ${role}: write ${ROLES.join(', ')}`)
    return command(
      send => send<{ url: string }>('POST', '/v1/dashboard', { who: operator(), role }),
      ({ url }) => [url],
    )
  },
  verdicts: args => {
    none('verdicts', args)
    return command(
      send => send<{ verdicts: readonly RememberedVerdict[] }>('GET', '/v1/verdicts'),
      ({ verdicts }) => verdictsText(verdicts),
    )
  },
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
        send => send<{ plugins: readonly PluginStatus[] }>('GET', '/v1/plugins'),
        ({ plugins }) => plugins.map(pluginText),
      )
    }
    if (verb !== 'msg' || tag === undefined || more.length > 0)
      throw usage('plugin takes list, or msg TAG [DATA]; DATA with blanks goes in quotes')
    const body = { tag, ...(data === undefined ? {} : { data }) }
    return command(
      send => send<{ plugins: number }>('POST', '/v1/plugin/msg', body),
      ({ plugins }) => [`plugins that heard it: ${plugins}`],
    )
  },
  reload: args => {
    none('reload', args)
    return reloading()
  },
  stop: args => {
    none('stop', args)
    return command(
      send => send<{ grace: number }>('POST', '/v1/stop'),
      ({ grace }) => [`it ends when its requests have ended, in ${duration(grace)} at most`],
    )
  },
}

const ANSWERS = ['accept', 'reject']
/** The commands that take an option. */
const OWNERS = {
  all: ['revoke'],
  watch: ['approvals'],
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
  const { run, text } = make(args, options)
  const { socket } = readSettings({ confDir, env }).admin
  if (socket === undefined)
    throw new ProxyError(
      'PTC_ADMIN_UNREACHABLE',
      'proxy.config.admin.socket is NULL: this proxy is not managed',
    )
  const send = sendTo(checkSocketPath(socket))
  for (let before = ''; ; await sleep(WATCH_PERIOD)) {
    const result = await run(send)
    const lines = format === 'json' ? [JSON.stringify(result)] : text(result as never)
    const shown = lines.join('\n')
    // What has not changed is not written again.
    if (shown !== before) for (const line of lines) print('stdout', line)
    if (!watch) return
    before = shown
  }
}

/** Milliseconds between two looks of `--watch`. */
const WATCH_PERIOD = 1000

function checkReason(word: string): void {
  const known = [...Object.keys(REASONS), ...Object.keys(X509_ERRORS)]
  if (known.includes(word)) return
  const help = didYouMean(word, known) || `; known: ${Object.keys(REASONS).join(', ')}`
  throw usage(`there is no reason "${word}"${help}`)
}

const PREFIXES: Readonly<Record<string, string>> = { key: 'key', spki: 'spki', cert: 'certificate' }

/** A colon is in every other address of version 6, and in no name. */
function toRevocation(what: string): Readonly<Record<string, string>> {
  const [, prefix = '', rest = ''] = /^([a-z]+):(.+)$/.exec(what) ?? []
  const kind = Object.hasOwn(PREFIXES, prefix) ? PREFIXES[prefix] : undefined
  return kind === undefined ? { host: what } : { [kind]: rest }
}
