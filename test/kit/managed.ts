/** A proxy with its management socket, and clients of that socket. */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Test } from 'tap'
import { ProxyError } from '../../core/base/errors.js'
import { describe } from '../../core/base/thrown.js'
import { OPTIONS } from '../../core/cli/command-table.js'
import { ctl } from '../../core/cli/ctl.js'
import { commandHere } from './command-here.js'
import { makeAuthority } from './pki.js'
import {
  type ChildProxy,
  type ProxyConf,
  type ProxyHere,
  placeFor,
  type RunningProxy,
  startProxy,
  startProxyHere,
} from './proxy.js'
import { poll } from './watch.js'

export const HOST = 'managed.test'
const root = await makeAuthority({ name: 'Root' })
/** For an origin of that name. */
export const issued = await root.issue({ cn: HOST })

/** Says what it is asked and told; accepts at once, or when the message says so. */
const MODULES = {
  'desk.mjs': `
export default ({ argv, name, hookAdd, accept, note, revoke }) => {
  const waiting = []
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ host, reenable }) => {
    note('asked about ' + host)
    if (argv.includes('waits')) waiting.push(reenable)
    else reenable(accept({ cacheFor: 60000 }))
  })
  if (argv.includes('holds')) hookAdd('TS_VCONN_START_HOOK', ({ reenable }) => waiting.push(reenable))
  hookAdd('TS_LIFECYCLE_MSG_HOOK', ({ tag, data }) => {
    note(argv[1] + ' heard ' + tag + ' ' + data)
    if (tag === 'accept') for (const reenable of waiting.splice(0)) reenable(accept())
    if (tag === 'revoke') revoke({ host: data })
    if (tag === 'throw') throw new Error('oops')
  })
}
`,
} as const

/** For nginx. The number of the connection, which is the number of the handshake. */
export const CONNECTION = 'location / { return 200 "$connection\\n"; }'

export interface Answer {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the command line of `portcullis ctl`: exit status and streams are those of the program. */
export async function runCtl(confDir: string, ...words: string[]): Promise<Answer> {
  const ended = await commandHere(['ctl', '-D', confDir, ...words])
  return { code: ended.exitCode ?? -1, out: ended.stdout(), err: ended.stderr() }
}

/** Runs `ctl` alone: for tests that are not about the command line. */
export async function callCtl(confDir: string, ...words: string[]): Promise<Answer> {
  let out = ''
  const place = placeFor(confDir, (_stream, line) => {
    out += `${line}\n`
  })
  const { values, positionals } = parseArgs({ args: words, options: OPTIONS, allowPositionals: true })
  try {
    await ctl(place, { ...values, words: positionals })
    return { code: 0, out, err: '' }
  } catch (cause) {
    if (!(cause instanceof ProxyError)) throw cause
    return { code: cause.code === 'PTC_USAGE' ? 64 : 1, out, err: `${cause.code}: ${describe(cause)}` }
  }
}

export interface Managed<P extends RunningProxy = ChildProxy> {
  readonly proxy: P
  readonly socket: string
  ctl(...words: string[]): Promise<Answer>
  /** How often that is in what the proxy has printed, once it is there `least` times. */
  count(pattern: RegExp, least: number): Promise<number>
}

/** The whole configuration of such a proxy. */
export const confOf = (plugins: readonly string[], conf: ProxyConf): ProxyConf => ({
  plugins,
  modules: MODULES,
  hosts: [HOST],
  ca: root.certPem,
  ...conf,
  records: { 'proxy.config.admin.socket': 'ctl.sock', ...conf.records },
})

export function managedBy<P extends RunningProxy>(t: Test, proxy: P, call: typeof runCtl): Managed<P> {
  t.teardown(proxy.stop)
  return {
    proxy,
    socket: join(proxy.conf.path, 'ctl.sock'),
    ctl: (...words) => call(proxy.conf.path, ...words),
    count: (pattern, least) => {
      const count = (): number => [...proxy.output().matchAll(pattern)].length
      return poll(() => (count() >= least ? count() : undefined), `${least} times ${pattern}`)
    },
  }
}

/** @param call how `ctl` is run */
export async function managed(
  t: Test,
  plugins: readonly string[],
  call: typeof runCtl = callCtl,
  conf: ProxyConf = {},
): Promise<Managed> {
  const it = managedBy(t, await startProxy(confOf(plugins, conf)), call)
  await it.proxy.until(/managed through/)
  return it
}

/** The same with the proxy in this process: for tests that do not need the program, whose start takes longest. */
export async function managedHere(
  t: Test,
  plugins: readonly string[],
  call: typeof runCtl = callCtl,
  conf: ProxyConf = {},
): Promise<Managed<ProxyHere>> {
  const it = managedBy(t, await startProxyHere(confOf(plugins, conf)), call)
  await it.proxy.server.manage({ version: 'test', pid: process.pid, stop: () => 0 })
  return it
}

/** Two processes that serve under one. */
export const TWO = { records: { 'proxy.config.exec_thread.limit': 2 } } as const

/** What an operator is told of the processes. */
export async function statusOf({ ctl }: Managed) {
  return JSON.parse((await ctl('status', '--json')).out) as {
    readonly pid: number
    readonly generation: number
    readonly processes: readonly { pid: number; generation: number; counters: Record<string, number> }[]
    readonly counters: Record<string, number>
  }
}
