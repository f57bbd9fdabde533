/** A plugin in shadow mode that takes its time, and what becomes of it. */
import type { Test } from 'tap'
import { BUMP, bumpFiles } from './bumping.js'
import { httpsOrigin, testRoot } from './connecting.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from './proxy.js'
import { poll } from './watch.js'

export const HOST = 'origin.example'
/** The probe of a CONNECT is long over by then. */
const THINKS = 300

const SHADOW = `
export default ({ argv, hookAdd, reject }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async ({ signal, reenable, schedule }) => {
    const [, what] = argv
    if (signal.aborted) throw new Error('aborted')
    let isDone = false
    // The end of its connection cuts nothing off; its own failure aborts the signal.
    signal.addEventListener('abort', () => { if (!isDone) throw new Error('cut off') })
    schedule(() => {
      isDone = true
      if (what === 'fails') throw new Error('no idea')
      reenable(what === 'rejects' ? reject('revoked', 'on trial') : undefined)
    }, ${THINKS})
  })
}
`
export const LINES = {
  accepts: { accepted: 1, rejected: 0, failed: 0, unknown: 0 },
  rejects: { accepted: 0, rejected: 1, failed: 0, unknown: 0 },
  fails: { accepted: 0, rejected: 0, failed: 1, unknown: 0 },
} as const

export interface More {
  readonly files: Readonly<Record<string, string>>
  readonly records: ProxyConf['records']
}

export async function bumping(): Promise<More> {
  return { files: await bumpFiles(), records: BUMP }
}

export async function start(
  t: Test,
  line: string,
  { files, records }: More = { files: {}, records: {} },
): Promise<{ proxy: ProxyHere; authority: string }> {
  const origin = await httpsOrigin(t, HOST)
  const proxy = await startProxyHere({
    ca: (await testRoot()).certPem,
    hosts: [HOST],
    modules: { 'shadow.mjs': SHADOW },
    plugins: [line],
    files,
    records: { ...records, 'proxy.config.http.connect_ports': `${origin.port}` },
  })
  t.teardown(proxy.stop)
  return { proxy, authority: `${HOST}:${origin.port}` }
}

async function counted({ server }: ProxyHere): Promise<unknown> {
  const { counters } = await server.adminApi({ version: '', pid: 0, stop: () => 0 }).status()
  return counters.shadowsTotal['shadow']
}

export async function outcome(t: Test, proxy: ProxyHere, what: string, counts: unknown): Promise<void> {
  t.same(await poll(() => counted(proxy), 'the outcome of the shadow'), counts)
  if (what === 'rejects') await proxy.until(/would have rejected origin\.example: revoked, on trial/)
  if (what === 'fails') await proxy.until(/ERROR: plugin shadow failed .*no idea/)
  else t.notMatch(proxy.output(), /ERROR/)
  t.notMatch(proxy.output(), /cut off|nothing caught/)
}
