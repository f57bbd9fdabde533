/** What shows that a restart takes over the records about operators, ports, processes and the file of diagnostics. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Status } from '../../core/admin/admin-api.js'
import { ProxyError } from '../../core/base/errors.js'
import type { GivenRecords } from '../../core/settings/settings.js'
import { portOf, send } from '../kit/admin-client.js'
import { issued } from '../kit/managed.js'
import type { ProxyConf } from '../kit/proxy.js'
import type { RestartCase, RestartCases, Restarted, RestartStage } from '../kit/restarting.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { logs } from './reload-cases-logs.js'

const LISTEN = { 'proxy.config.admin.listen': '127.0.0.1:0' } as const
const DIAGS = 'proxy.config.diags.logfile'
const MB = 1_048_576
/** As few processes as differ from one for each processor. */
const OTHER_COUNT = availableParallelism() === 1 ? 2 : 1

/** The address of the page, or the code of the error that there is none. */
const pageOf = async ({ send }: RestartStage): Promise<string> =>
  send<{ url: string }>('POST', '/v1/dashboard', { who: 'a test' }).then(
    ({ url }) => url,
    cause => ProxyError.codeOf(cause) ?? String(cause),
  )

/** Its scheme, or that code. */
const schemeOf = async (stage: RestartStage): Promise<string> =>
  (await pageOf(stage)).split('://', 1)[0] ?? ''

const statusOf = ({ send }: RestartStage): Promise<Status> => send('GET', '/v1/status')

const folder = async (t: Test): Promise<string> => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  return dir.path
}

/** Its file of diagnostics has 1.5 MB, and there are four that have been rolled before. */
/** It is about noon: no day, with which a file is rolled, begins between the last line of a log and the test. */
function makeNoon(t: Test): void {
  const { TZ } = process.env
  const east = 12 - new Date().getUTCHours()
  process.env['TZ'] = `NOON${east < 0 ? '+' : '-'}${Math.abs(east)}` // POSIX counts to the west
  t.teardown(() => {
    if (TZ === undefined) delete process.env['TZ']
    else process.env['TZ'] = TZ
  })
}

const rolling = <const V extends number>(
  values: { readonly from: V; readonly to: V; readonly expect: RestartCase['expect'] },
  records: GivenRecords,
) => ({
  ...values,
  make: (t: Test) => {
    makeNoon(t)
    return logs(1.5 * MB, 2)(end => t.teardown(() => void end()))
  },
  conf: (path: string): ProxyConf => ({
    records: { [`${DIAGS}.filename`]: join(path, 'x.log'), ...records },
  }),
  probe: async ({ made }: RestartStage) =>
    readdirSync(made as string).filter(name => name.endsWith('.old')).length,
})

const BY_SIZE = { [`${DIAGS}.rolling_enabled`]: 2, [`${DIAGS}.rolling_size_mb`]: 1 } as const

export const PROGRAM_CASES: RestartCases<
  Extract<
    Restarted,
    | `proxy.config.${'admin' | 'exec_thread' | 'stop'}.${string}`
    | 'proxy.config.http.server_ports'
    | `${typeof DIAGS}.${string}`
  >
> = {
  'proxy.config.admin.socket': {
    from: 'ctl.sock',
    to: 'other.sock',
    probe: async ({ proxy }) => readdirSync(proxy.conf.path).filter(name => name.endsWith('.sock')),
    expect: [['ctl.sock'], ['other.sock']],
  },
  'proxy.config.admin.listen': {
    from: null,
    to: '127.0.0.1:0',
    probe: async stage => {
      const page = await pageOf(stage)
      return page.startsWith('http') ? (await send(portOf(page), '/v1/status')).status : page
    },
    expect: ['PTC_ADMIN_REQUEST', 401],
  },
  'proxy.config.admin.token_file': {
    from: 'admin.token',
    to: 'other.token',
    conf: { records: LISTEN },
    // The files whose token is let in.
    probe: async stage => {
      const port = portOf(await pageOf(stage))
      const paths = ['admin.token', 'other.token'].map(name => join(stage.proxy.conf.path, name))
      const statuses = paths.filter(existsSync).map(async path => {
        const authorization = `Bearer ${readFileSync(path, 'utf8').trim()}`
        return [
          path.split('/').at(-1),
          (await send(port, '/v1/status', { headers: { authorization } })).status,
        ]
      })
      return Promise.all(statuses)
    },
    expect: [[['admin.token', 200]], [['other.token', 200]]],
  },
  'proxy.config.admin.tls_cert': {
    from: null,
    to: 'port.pem',
    conf: { records: LISTEN, files: { 'port.pem': issued.chainPem + issued.keyPem } },
    probe: schemeOf,
    expect: ['http', 'https'],
  },
  'proxy.config.admin.tls_key': {
    from: 'port.key',
    to: null,
    conf: {
      records: { ...LISTEN, 'proxy.config.admin.tls_cert': 'port.pem' },
      files: { 'port.pem': issued.chainPem, 'port.key': issued.keyPem },
    },
    probe: schemeOf,
    expect: ['https', 'PTC_ADMIN_REQUEST'], // the certificate's file has no key: there is no page
  },
  'proxy.config.admin.audit_file': {
    from: 'one.log',
    to: 'two.log',
    make: folder,
    conf: (path: string) => ({ records: { 'proxy.config.log.logfile_dir': path } }),
    probe: async ({ send, made }) => {
      for (const name of readdirSync(made as string)) rmSync(join(made as string, name))
      await send('PUT', '/v1/debug', { tags: null })
      return readdirSync(made as string)
    },
    expect: [['one.log'], ['two.log']],
  },
  'proxy.config.exec_thread.limit': {
    isProgram: true,
    from: 1,
    to: 2,
    probe: async stage => (await statusOf(stage)).processes.length,
    expect: [1, 2],
  },
  'proxy.config.exec_thread.autoconfig': {
    isProgram: true,
    from: 0,
    to: 1,
    conf: { records: { 'proxy.config.exec_thread.limit': OTHER_COUNT } },
    probe: async stage => (await statusOf(stage)).processes.length,
    expect: [OTHER_COUNT, availableParallelism()],
  },
  'proxy.config.stop.shutdown_timeout': {
    isProgram: true,
    from: 30,
    to: 7,
    probe: async ({ send }) => (await send<{ grace: number }>('POST', '/v1/stop')).grace,
    expect: [30_000, 7000],
  },
  'proxy.config.http.server_ports': {
    from: '0:ip-in=127.0.0.1',
    to: '0:ip-in=127.0.0.1 0:ip-in=127.0.0.1',
    probe: async stage => (await statusOf(stage)).ports.length,
    expect: [1, 2],
  },
  [`${DIAGS}.filename`]: {
    from: 'stderr',
    to: (path: string) => join(path, 'diags.log'),
    make: folder,
    probe: async ({ made }) => readdirSync(made as string),
    expect: [[], ['diags.log']],
  },
  [`${DIAGS}.rolling_enabled`]: rolling(
    { from: 0, to: 2, expect: [4, 5] },
    { [`${DIAGS}.rolling_size_mb`]: 1 },
  ),
  [`${DIAGS}.rolling_interval_sec`]: rolling(
    { from: 86_400, to: 60, expect: [4, 5] },
    { [`${DIAGS}.rolling_enabled`]: 1 },
  ),
  [`${DIAGS}.rolling_size_mb`]: rolling(
    { from: 10, to: 1, expect: [4, 5] },
    { [`${DIAGS}.rolling_enabled`]: 2 },
  ),
  [`${DIAGS}.rolling_min_count`]: rolling(
    { from: 4, to: 0, expect: [4, 1] },
    { ...BY_SIZE, 'proxy.config.log.max_space_mb_for_logs': 2 },
  ),
}
