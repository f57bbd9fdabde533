/** A plugin in shadow mode that takes its time, in every mode of CONNECT, in and out of workers: its outcome counts. */
import { type Test, test } from 'tap'
import { rawClient } from '../kit/client.js'
import { httpsOrigin, testRoot } from '../kit/connecting.js'
import { get } from '../kit/get.js'
import { callCtl } from '../kit/managed.js'
import { type ChildProxy, startProxy } from '../kit/proxy.js'
import { poll } from '../kit/watch.js'

const HOST = 'origin.example'
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
const LINES = {
  accepts: { accepted: 1, rejected: 0, failed: 0, unknown: 0 },
  rejects: { accepted: 0, rejected: 1, failed: 0, unknown: 0 },
  fails: { accepted: 0, rejected: 0, failed: 1, unknown: 0 },
} as const

async function start(t: Test, line: string): Promise<{ proxy: ChildProxy; authority: string }> {
  const origin = await httpsOrigin(t, HOST)
  const proxy = await startProxy({
    ca: (await testRoot()).certPem,
    hosts: [HOST],
    modules: { 'shadow.mjs': SHADOW },
    plugins: [line],
    records: {
      'proxy.config.http.connect_ports': `${origin.port}`,
      'proxy.config.admin.socket': 'ctl.sock',
    },
  })
  t.teardown(proxy.stop)
  await proxy.until(/managed through/)
  return { proxy, authority: `${HOST}:${origin.port}` }
}

async function counted(proxy: ChildProxy): Promise<unknown> {
  const { counters } = JSON.parse((await callCtl(proxy.conf.path, 'status', '--json')).out)
  return counters.shadowsTotal.shadow
}

for (const isolate of ['', '@isolate=worker'])
  for (const [what, counts] of Object.entries(LINES)) {
    test(`a shadow ${isolate} that ${what}, after its CONNECT has been probed and has ended`, async t => {
      const { proxy, authority } = await start(t, `shadow.mjs @mode=shadow ${isolate} ${what}`)
      const client = await rawClient(proxy.port)
      client.send(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
      t.equal((await client.response('CONNECT')).status, 200)
      client.stop()
      await outcome(t, proxy, what, counts)
    })

    test(`a shadow ${isolate} that ${what}, after its request has been answered`, async t => {
      const { proxy, authority } = await start(t, `shadow.mjs @mode=shadow ${isolate} ${what}`)
      t.equal((await get(proxy.port, `https://${authority}/`, ['Connection: close'])).status, 200)
      await outcome(t, proxy, what, counts)
    })
  }

async function outcome(t: Test, proxy: ChildProxy, what: string, counts: unknown): Promise<void> {
  t.same(await poll(() => counted(proxy), 'the outcome of the shadow'), counts)
  if (what === 'rejects') await proxy.until(/would have rejected origin\.example: revoked, on trial/)
  if (what === 'fails') await proxy.until(/ERROR: plugin shadow failed .*no idea/)
  else t.notMatch(proxy.output(), /ERROR/)
  t.notMatch(proxy.output(), /cut off|nothing caught/)
}
