/** `ctl config` and `ctl metric`: the commands of traffic_ctl, with its output. */

import type { RecordSet, Status } from '../admin/admin-api.js'
import type { MetricRow } from '../admin/metric-rows.js'
import { didYouMean } from '../base/nearest.js'
import type { RecordInfo } from '../settings/record-report.js'
import { listOf, type Send } from './ctl-client.js'
import { alone, type Command, type CtlOptions, command, pick, reloading, usage } from './ctl-command.js'
import { localTime } from './ctl-text.js'

type Make = (args: readonly string[], options: CtlOptions) => Command

const CONFIG: Readonly<Record<string, Make>> = {
  get: (names, options) => {
    some('config get', 'RECORD', names)
    return listed(
      send => Promise.all(names.map(name => oneRecord(send, name))),
      options,
      row => row.value,
    )
  },
  match: (patterns, options) => {
    some('config match', 'REGEX', patterns)
    return listed(
      send => matching(send, patterns),
      options,
      row => row.value,
    )
  },
  defaults: alone('config defaults', options =>
    listed(
      send => matching(send, ['']),
      options,
      row => row.default,
    ),
  ),
  diff: alone('config diff', options => {
    const changed = (send: Send) => listOf<RecordInfo>(send, '/v1/records?changed=true', 'records')
    if (options.records === true) return listed(changed, options, row => row.value)
    return command(changed, rows =>
      rows.flatMap(row => [
        `${row.name} has changed`,
        `\tCurrent Value: ${row.value}`,
        `\tDefault Value: ${row.default}`,
      ]),
    )
  }),
  describe: names => {
    some('config describe', 'RECORD', names)
    return command(
      send => Promise.all(names.map(name => oneRecord(send, name))),
      rows => rows.flatMap(describeText),
    )
  },
  set: ([name, value, ...more]) => {
    if (name === undefined || value === undefined || more.length > 0)
      throw usage('config set takes RECORD VALUE; a VALUE with blanks goes in quotes')
    return command(
      send => send<RecordSet>('PUT', `/v1/records/${encodeURIComponent(name)}`, { value }),
      row => [`set ${row.name}${row.needsRestart ? ', restart required' : ''}`],
    )
  },
  reload: alone('config reload', reloading),
  status: alone('config status', () =>
    command(
      send => send<Status>('GET', '/v1/status'),
      ({ version, uptime, readAt }) => [
        `Portcullis ${version}`,
        `Started at ${localTime(Date.now() - uptime)}`,
        `Last reconfiguration at ${localTime(readAt)}`,
      ],
    ),
  ),
}

export const config: Make = ([verb = '', ...args], options) => pick('config', CONFIG, verb)(args, options)

const METRIC: Readonly<Record<string, Make>> = {
  get: names => {
    some('metric get', 'NAME', names)
    return command(async send => {
      const all = await metricsOf(send, '')
      return names.map(name => {
        const row = all.find(one => one.name === name)
        if (row !== undefined) return row
        const help = didYouMean(
          name,
          all.map(one => one.name),
        )
        throw usage(`there is no metric ${name}${help || '; `ctl metric match .` lists all'}`)
      })
    }, metricText)
  },
  match: patterns => {
    some('metric match', 'REGEX', patterns)
    return command(
      async send => (await Promise.all(patterns.map(pattern => metricsOf(send, pattern)))).flat(),
      metricText,
    )
  },
}

export const metric: Make = ([verb = '', ...args], options) => pick('metric', METRIC, verb)(args, options)

/** `debug TAGS`, `debug off` */
export function debug([tags, ...more]: readonly string[]): Command {
  if (tags === undefined || more.length > 0) throw usage('debug takes TAGS, a regular expression, or off')
  return command(
    send => send<{ tags: string | null }>('PUT', '/v1/debug', { tags: tags === 'off' ? null : tags }),
    answer => [
      answer.tags === null
        ? 'debug lines are off, until the next reload'
        : `debug lines of ${answer.tags} are on, until the next reload`,
    ],
  )
}

const listed = (
  read: (send: Send) => Promise<readonly RecordInfo[]>,
  { records = false }: CtlOptions,
  valueIn: (row: RecordInfo) => string,
): Command =>
  command(read, rows =>
    rows.map(row =>
      records ? `CONFIG ${row.name} ${row.type} ${valueIn(row)}` : `${row.name}: ${valueIn(row)}`,
    ),
  )

const oneRecord = (send: Send, name: string): Promise<RecordInfo> =>
  send('GET', `/v1/records/${encodeURIComponent(name)}`)

const matching = async (send: Send, patterns: readonly string[]): Promise<readonly RecordInfo[]> => {
  const found = patterns.map(pattern =>
    listOf<RecordInfo>(send, `/v1/records?match=${encodeURIComponent(pattern)}`, 'records'),
  )
  return (await Promise.all(found)).flat()
}

const metricsOf = (send: Send, match: string): Promise<readonly MetricRow[]> =>
  listOf<MetricRow>(send, `/v1/metrics?match=${encodeURIComponent(match)}`, 'metrics')

const metricText = (rows: readonly MetricRow[]): readonly string[] =>
  rows.map(({ name, value }) => `${name} ${value}`)

const describeText = (row: RecordInfo): readonly string[] => [
  `Name: ${row.name}`,
  `Current Value: ${row.value}`,
  `Default Value: ${row.default}`,
  `Data Type: ${row.type}`,
  `Update Type: ${row.reload ? 'dynamic, no restart' : 'static, restart required'}`,
  `Source: ${row.source ?? 'built in default'}`,
  `Syntax Check: ${row.domain}`,
  row.about,
  '',
]

function some(name: string, what: string, words: readonly string[]): void {
  if (words.length === 0) throw usage(`${name} takes one ${what} or more`)
}
