/** What several processes have counted, whichever of them have ended since. */
import { type Test, test } from 'tap'
import { send, tokenOf } from '../kit/admin-client.js'
import { get } from '../kit/client.js'
import { CONNECTION, HOST, issued, managed, statusOf, TWO } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { poll } from '../kit/watch.js'

const COUNTERS = [
  'portcullis_handshakes_total{result="accepted",by="plugins"}',
  'portcullis_http_requests_total{version="1.1",class="2xx"}',
  'portcullis_hold_seconds_count{plugin="desk",verdict="accept"}',
  'portcullis_hold_seconds_bucket{le="+Inf",plugin="desk",verdict="accept"}',
  'portcullis_verdicts_total{plugin="desk",verdict="accept",reason=""}',
] as const

async function counting(t: Test) {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const records = { ...TWO.records, 'proxy.config.admin.listen': '127.0.0.1:0' }
  const all = await managed(t, ['desk.mjs one'], undefined, { records })
  await all.proxy.until(/managed through http:\/\/127\.0\.0\.1:\d+/)
  const port = Number(/managed through http:\/\/127\.0\.0\.1:(\d+)/.exec(all.proxy.output())?.[1])
  const headers = tokenOf(all.proxy.conf.path)
  const text = async () => (await send(port, '/metrics', { headers })).text
  /** Of each counter, and of a gauge that is one for each process. */
  const figures = async () => {
    const lines = (await text()).split('\n')
    const figureOf = (name: string): number =>
      Number(lines.find(line => line.startsWith(`${name} `))?.slice(name.length + 1) ?? 0)
    return { counted: COUNTERS.map(figureOf), memory: figureOf('process_resident_memory_bytes') }
  }
  return {
    ...all,
    figures,
    ask: async (times: number) => {
      for (let i = 0; i < times; i++)
        t.equal((await get(all.proxy.port, `https://${HOST}:${origin.httpsPort}/`)).status, 200)
    },
    pids: async () => (await statusOf(all)).processes.map(({ pid }) => pid),
    /** Resolves once two processes serve, none of them among these. */
    replaced: (gone: readonly number[]) =>
      poll(async () => {
        const now = (await statusOf(all)).processes.map(({ pid }) => pid)
        return now.length === 2 && !now.some(pid => gone.includes(pid))
      }, 'two other processes'),
  }
}

test('counters do not fall when a process is killed', async t => {
  const { ask, ctl, figures, pids, proxy, replaced } = await counting(t)
  await ask(6)
  const before = await figures()
  t.ok(
    before.counted.every(count => count > 0),
    before.counted.join(),
  )
  t.equal(before.counted[1], 6)
  const total = JSON.parse((await ctl('status', '--json')).out).counters.verdictsTotal
  const [pid = 0] = await pids()
  process.kill(pid, 'SIGKILL')
  await proxy.until(/has ended \(SIGKILL\)/)
  t.strictSame((await figures()).counted, before.counted, 'while one serves')
  await replaced([pid])
  t.strictSame((await figures()).counted, before.counted)
  t.equal(JSON.parse((await ctl('status', '--json')).out).counters.verdictsTotal, total)
  t.match((await ctl('metric', 'get', 'proxy.process.http.completed_requests')).out, / 6$/m)
  await ask(2)
  t.equal((await figures()).counted[1], 8, 'the successor goes on')
})

test('a rolling restart loses nothing that was counted, and keeps no gauge of the old processes', async t => {
  const { ask, ctl, figures, pids, replaced } = await counting(t)
  await ask(4)
  const { memory } = await figures()
  // Nothing asks between these and the end of the processes.
  await ask(4)
  const old = await pids()
  t.match(await ctl('server', 'restart'), { code: 0 })
  await replaced(old)
  const after = await figures()
  t.equal(after.counted[1], 8)
  t.ok(after.counted.every(count => count > 0))
  t.ok(after.memory < memory * 1.5, `${after.memory} bytes in two processes, after ${memory}`)
  t.equal(JSON.parse((await ctl('status', '--json')).out).counters.clientConnections, 0)
})
