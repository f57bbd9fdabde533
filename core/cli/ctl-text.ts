/** The answers of the management API, for people. */

import type { PluginStatus, ProcessStatus, Status, Withdrawn, WorkersStatus } from '../admin/admin-api.js'
import { authorityText } from '../base/authority.js'
import { countsText } from '../program/revoking.js'
import type { RememberedVerdict } from '../tls/judge/verdict-cache.js'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `2.3 s`, `4 min 10 s`, `3 h 5 min`, `2 d 1 h`. */
export function duration(ms: number): string {
  const left = Math.max(0, ms)
  if (left < MINUTE) return `${(left / SECOND).toFixed(1)} s`
  if (left < HOUR) return `${Math.floor(left / MINUTE)} min ${Math.floor((left % MINUTE) / SECOND)} s`
  if (left < DAY) return `${Math.floor(left / HOUR)} h ${Math.floor((left % HOUR) / MINUTE)} min`
  return `${Math.floor(left / DAY)} d ${Math.floor((left % DAY) / HOUR)} h`
}

/** In the time zone of this machine, with its offset: `2026-11-29 12:30:05 +0100`. */
export function localTime(ms: number): string {
  const date = new Date(ms)
  const minutes = -date.getTimezoneOffset()
  const two = (n: number): string => String(n).padStart(2, '0')
  const zone = `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`
}

const counted = (count: number, what: string, many = `${what}s`): string =>
  `${count} ${count === 1 ? what : many}`

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map(row => row[i]?.length ?? 0)))
  return rows.map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

export function statusText(status: Status): readonly string[] {
  const { pid, version, uptime, isStopping, confDir, generation, readAt } = status
  const { ports, plugins, counters, processes } = status
  const times = generation === 1 ? '' : `, ${generation} times in all`
  const tolerated = Object.entries(counters.toleratedTotal).map(([name, count]) => `${name} ${count}`)
  const shadows = Object.entries(counters.shadowsTotal).map(
    ([name, { accepted, rejected, failed, unknown }]) =>
      `${name} would have accepted ${accepted}, rejected ${rejected}, failed ${failed}${unknown === 0 ? '' : `, was not asked ${unknown}`}`,
  )
  const rows = [
    ['portcullis', `${version}, pid ${pid}, up ${duration(uptime)}${isStopping ? ', stopping' : ''}`],
    ...(processes.length === 1 && processes[0]?.pid === pid ? [] : [['processes', processesText(processes)]]),
    ['configuration', `${confDir}, read ${duration(Date.now() - readAt)} ago${times}`],
    ...fleetRows(processes),
    ['ports', ports.map(({ address, port }) => authorityText(address, port)).join(' ')],
    ...(plugins.length === 0 ? [['plugins', 'none']] : []),
    ...plugins.map((plugin, i) => [i === 0 ? 'plugins' : '', pluginText(plugin)]),
    ['handshakes', `${counters.handshakes} under way, ${counters.parked} parked`],
    [
      'kept',
      `${counted(counters.rememberedVerdicts, 'remembered verdict')}, ${counted(counters.idleConnections, 'idle connection')}`,
    ],
    ...(counters.ignoredReenablesTotal === 0
      ? []
      : [['ignored', `${counted(counters.ignoredReenablesTotal, 'answer')} of plugins`]]),
    ...(tolerated.length === 0 ? [] : [['tolerated', tolerated.join(', ')]]),
    ...(shadows.length === 0 ? [] : [['shadows', shadows.join('; ')]]),
  ]
  return table(rows)
}

/** One line where all is well, else one for each process without a connection. */
function fleetRows(processes: readonly ProcessStatus[]): readonly (readonly [string, string])[] {
  const all = processes.flatMap(({ pid, fleet }) => (fleet === undefined ? [] : { pid, ...fleet }))
  if (all.length === 0) return []
  const away = all.filter(({ isConnected }) => !isConnected)
  if (away.length === 0) return [['fleet', 'Redis answers']]
  return away.map(({ pid, since, lastError, waiting }) => [
    'fleet',
    `pid ${pid} goes on alone: Redis does not answer since ${localTime(since)}${lastError === null ? '' : ` (${lastError})`}; ${counted(waiting, 'entry', 'entries')} to send`,
  ])
}

/** `2: pid 71, up 4.0 s; pid 72, up 1.1 s`. */
function processesText(processes: readonly ProcessStatus[]): string {
  const each = processes.map(({ pid, uptime }) => `pid ${pid}, up ${duration(uptime)}`)
  return `${processes.length}: ${each.join('; ')}`
}

export function pluginText({ name, line, mode, deadline, workers, hooks }: PluginStatus): string {
  const about = [
    `line ${line}`,
    ...(mode === 'shadow' ? ['in shadow mode'] : []),
    ...(deadline === undefined ? [] : [`deadline ${deadline} ms`]),
    ...(workers === undefined ? [] : [workersText(workers)]),
  ]
  return `${name} (${about.join(', ')}): ${hooks.length === 0 ? 'on no hook' : hooks.join(' ')}`
}

function workersText({ serving, processesWithout, outOfService }: WorkersStatus): string {
  const out = outOfService.length === 0 ? '' : `, out of service on ${outOfService.join(' ')}`
  const without =
    processesWithout === 0 ? '' : `, none in ${counted(processesWithout, 'process', 'processes')}`
  return `in ${counted(serving, 'worker')}${without}${out}`
}

export function verdictsText(verdicts: readonly RememberedVerdict[]): readonly string[] {
  if (verdicts.length === 0) return ['no verdict is remembered']
  const rows = verdicts.map(({ key, host, asked, scope, endsAt }) => [
    host,
    asked,
    scope,
    duration(endsAt - Date.now()),
    `key:${key}`,
  ])
  return table([['HOST', 'PLUGIN', 'SCOPE', 'LEFT', 'KEY'], ...rows])
}

export const revokedText = (counts: Withdrawn): readonly string[] => [
  `revoked: ${countsText(counts)}`,
  ...(counts.approvals === 0 ? [] : [`withdrawn: ${counted(counts.approvals, 'approval')}`]),
]
