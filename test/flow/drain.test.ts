/** Draining, stopping and restarting: what clients and operators are told, and what goes on meanwhile. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { get, rawClient, requestText } from '../kit/client.js'
import { CONNECTION, HOST, issued, type Managed, managed, managedHere } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import type { RunningProxy } from '../kit/proxy.js'
import { poll } from '../kit/watch.js'

const status = async (ctl: (...words: string[]) => Promise<{ out: string }>) =>
  JSON.parse((await ctl('status', '--json')).out)

type Start = (...given: Parameters<typeof managed>) => Promise<Managed<RunningProxy>>

for (const processes of [1, 2])
  test(`drain has clients come back by new connections, with ${processes}`, async t => {
    const origin = await nginxOrigin({ ...issued, server: CONNECTION })
    t.teardown(origin.stop)
    const records = { 'proxy.config.exec_thread.limit': processes }
    const start: Start = processes === 1 ? managedHere : managed
    const { proxy, ctl } = await start(t, ['desk.mjs one waits'], undefined, { records })
    const idle = await rawClient(proxy.port)
    t.teardown(idle.stop)
    const url = `http://127.0.0.1:${origin.httpPort}/`
    idle.send(requestText(url))
    t.equal((await idle.response('GET')).header('connection'), 'keep-alive')
    const busy = await rawClient(proxy.port)
    t.teardown(busy.stop)
    busy.send(requestText(`https://${HOST}:${origin.httpsPort}/`))
    await proxy.until(/asked about/)

    t.match(await ctl('server', 'status'), { out: 'Proxy -- on\nClient connections: 2\n' })
    t.match(await ctl('server', 'drain'), { code: 0, out: /^draining: \d client connections? left\n$/ })
    await idle.ended()
    idle.end()
    t.match(await ctl('server', 'status'), { out: /^Proxy -- draining\n/ })
    const watching = ctl('server', 'drain', '--watch')
    t.equal((await get(proxy.port, url)).header('connection'), 'close', 'new clients are served, once')
    await ctl('plugin', 'msg', 'accept')
    t.equal((await busy.response('GET')).status, 200, 'and who is held is served')
    await busy.ended()
    busy.end()
    t.match((await watching).out, /draining: 0 client connections left\n$/, 'it ends with the last one')
    t.match(await ctl('server', 'drain', '--undo'), { out: 'not draining: connections are kept\n' })
    const kept = await rawClient(proxy.port)
    t.teardown(kept.stop)
    kept.send(requestText(url))
    t.equal((await kept.response('GET')).header('connection'), 'keep-alive')
  })

test('a stop has the time that the record gives, and says what is left', async t => {
  const origin = await nginxOrigin({ ...issued })
  t.teardown(origin.stop)
  for (const processes of [1, 2]) {
    const records = {
      'proxy.config.exec_thread.limit': processes,
      'proxy.config.stop.shutdown_timeout': 7,
    } as const
    const { proxy, ctl } = await managed(t, ['desk.mjs one waits'], undefined, { records })
    const busy = await rawClient(proxy.port)
    t.teardown(busy.stop)
    busy.send(requestText(`https://${HOST}:${origin.httpsPort}/`))
    await proxy.until(/asked about/)
    t.match(await ctl('server', 'stop'), { code: 0, out: /in 7\.0 s at most/ })
    await proxy.until(/portcullis ends: 1 client connections are left, [12] s at most/)
    t.equal(await proxy.child.exited(), 0)
    await busy.ended()
    busy.end()
  }
})

const FAILING = `
import { existsSync } from 'node:fs'
export default ({ confDir }) => {
  if (!globalThis.hasRun && existsSync(confDir + '/broken')) throw new Error('no start')
  globalThis.hasRun = true
}`

test('restart replaces the processes one after another and refuses no connection; where a new one cannot serve, the old ones go on', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const { proxy, ctl } = await managed(t, ['failing.mjs'], undefined, {
    records: { 'proxy.config.exec_thread.limit': 2 },
    modules: { 'failing.mjs': FAILING },
  })
  const pids = async () => (await status(ctl)).processes.map(({ pid }: { pid: number }) => pid)
  const before = await pids()
  writeFileSync(join(proxy.conf.path, 'broken'), '')
  t.match(await ctl('server', 'restart'), { code: 0 })
  await proxy.until(/process 1 of 2: the new one does not serve; the restart ends here, the old one goes on/)
  t.match(proxy.output(), /no start/)
  t.same(await pids(), before)
  rmSync(join(proxy.conf.path, 'broken'))

  let isOver = false
  let served = 0
  // Each request has a connection of its own, and several are always on their way: one may reach a process just as it ends.
  const load = async (): Promise<void> => {
    while (!isOver) {
      const { status: code } = await get(proxy.port, `http://127.0.0.1:${origin.httpPort}/`)
      if (code !== 200) t.equal(code, 200)
      served++
    }
  }
  const loads = Promise.all(Array.from({ length: 8 }, load))
  t.match((await ctl('server', 'restart', '--watch')).out, /restarting: 2 of 2 processes are replaced\n$/)
  isOver = true
  await loads
  t.ok(served > 10, `${served} requests meanwhile`)
  await poll(
    async () => !(await pids()).some((pid: number) => before.includes(pid)),
    'the end of the old ones',
  )
  t.equal((await pids()).length, 2)
  proxy.conf.write({ recordLines: ['CONFIG proxy.config.nonsense INT 1'] })
  t.match(await ctl('server', 'restart'), { code: 1, err: /nonsense|NULL/ })
})

test('an old process goes on while its requests last, is listed and answered, and begins nothing that a reload could change', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const records = { 'proxy.config.exec_thread.limit': 2 } as const
  const { proxy, ctl } = await managed(t, ['desk.mjs one waits'], undefined, { records })
  const url = `http://127.0.0.1:${origin.httpPort}/`
  const idle = await rawClient(proxy.port)
  const held = await rawClient(proxy.port)
  for (const client of [idle, held]) t.teardown(client.stop)
  idle.send(requestText(url))
  t.equal((await idle.response('GET')).status, 200)
  held.send(requestText(`https://${HOST}:${origin.httpsPort}/`))
  await proxy.until(/asked about/)
  t.match((await ctl('server', 'restart', '--watch')).out, /2 of 2 processes are replaced\n$/)
  t.match((await ctl('parked', '--json')).out, HOST, 'what an old process holds is listed')
  await idle.ended()
  idle.end()
  const rule = 'ip_allow:\n  - {apply: in, ip_addrs: 0.0.0.0/0, action: deny, methods: ALL}\n'
  writeFileSync(join(proxy.conf.path, 'ip_allow.yaml'), rule)
  t.match(await ctl('reload'), { code: 0 })
  t.equal((await get(proxy.port, url)).status, 403, 'the new rule is in force')
  held.send(requestText(url))
  await ctl('plugin', 'msg', 'accept')
  const last = await held.response('GET')
  t.equal(last.status, 200, 'what has begun goes on, as after a reload of one process')
  t.equal(last.header('connection'), 'close')
  await held.ended()
  t.equal(held.text().split('HTTP/1.1 ').length, 2, 'the request behind it is not answered')
  held.end()
})

test('one process is not restarted from within', async t => {
  const { ctl } = await managedHere(t, ['desk.mjs one'])
  t.match(await ctl('server', 'restart'), { code: 1, err: /one process serves: restart it by/ })
  t.match(await ctl('server', 'dance'), { code: 64, err: /server takes drain, restart, status, stop/ })
  t.match(await ctl('server', 'drian'), { code: 64, err: /server takes .*; did you mean drain\?/ })
  t.match(await ctl('server', 'stop', '--undo'), { code: 64, err: /--undo belongs to/ })
})
