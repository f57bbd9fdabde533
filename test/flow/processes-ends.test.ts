/** Processes that end, are replaced, and stop. */
import { test } from 'tap'
import { get, rawClient, requestText } from '../kit/client.js'
import { CONNECTION, HOST, issued, managed, statusOf, TWO } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { makeConfDir, runMain } from '../kit/proxy.js'
import { poll } from '../kit/watch.js'

test('a process that is killed is replaced, and the others go on', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const all = await managed(t, ['desk.mjs one'], undefined, TWO)
  const [first] = (await statusOf(all)).processes
  process.kill(first?.pid ?? 0, 'SIGKILL')
  await all.proxy.until(/ERROR: process \d+ has ended \(SIGKILL\); another takes its place in 0\.1 s/)
  for (let i = 0; i < 4; i++)
    t.equal((await get(all.proxy.port, `https://${HOST}:${origin.httpsPort}/`)).status, 200)
  const { processes } = await poll(async () => {
    const status = await statusOf(all)
    return status.processes.length === 2 && status
  }, 'two processes')
  t.notOk(processes.some(({ pid }) => pid === first?.pid))
  for (let i = 0; i < 4; i++)
    t.equal((await get(all.proxy.port, `https://${HOST}:${origin.httpsPort}/`)).status, 200)
})

test('a connection that was handed to a process which ends before it takes it is closed', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const all = await managed(t, ['desk.mjs one'], undefined, TWO)
  const [first] = (await statusOf(all)).processes
  const pid = first?.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  const clients = await Promise.all(Array.from({ length: 4 }, () => rawClient(all.proxy.port)))
  for (const client of clients) {
    t.teardown(client.stop)
    client.send(requestText(`https://${HOST}:${origin.httpsPort}/`))
  }
  const waiting = new Set(clients)
  for (const client of clients)
    void client.response('GET').then(
      () => waiting.delete(client),
      () => undefined,
    )
  // The stopped process was handed one of them, and gets no other before it has taken it.
  await poll(() => waiting.size === 1, 'all answers but one')
  process.kill(pid, 'SIGKILL')
  for (const client of waiting) await t.resolves(client.ended(20_000), 'its client is told')
})

test('a process that hangs is named to operators, and keeps none waiting', async t => {
  const all = await managed(t, [], undefined, TWO)
  const [first] = (await statusOf(all)).processes
  const pid = first?.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  t.teardown(() => process.kill(pid, 'SIGKILL'))
  const text = new RegExp(`PTC_PROCESS_SILENT: process ${pid} has not answered "\\w+" within 5 s`)
  t.match(await Promise.all([all.ctl('status'), all.ctl('verdicts')]), [
    { code: 1, err: text },
    { code: 1, err: text },
  ])
  process.kill(pid, 'SIGCONT')
  await poll(async () => (await all.ctl('status')).code === 0, 'all processes answer')
})

test('a stop lets the requests of all processes end', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const all = await managed(t, ['desk.mjs one waits'], undefined, TWO)
  const clients = await Promise.all([rawClient(all.proxy.port), rawClient(all.proxy.port)])
  for (const client of clients) {
    t.teardown(client.stop)
    client.send(requestText(`https://${HOST}:${origin.httpsPort}/`))
  }
  await poll(async () => (await statusOf(all)).counters['parked'] === 2, 'two parked handshakes')
  all.proxy.child.kill('SIGTERM')
  await all.proxy.until(/portcullis got SIGTERM/)
  await all.ctl('plugin', 'msg', 'accept')
  for (const client of clients) t.equal((await client.response('GET')).status, 200)
  t.equal(await all.proxy.child.exited(), 0)
})

test('processes end when the one above them is killed', async t => {
  const all = await managed(t, [], undefined, TWO)
  const { processes } = await statusOf(all)
  all.proxy.child.kill('SIGKILL')
  await all.proxy.child.exited()
  for (const { pid } of processes) await poll(() => isGone(pid), `the end of process ${pid}`)
  t.pass('they are gone')
})

function isGone(pid: number): boolean {
  try {
    return process.kill(pid, 0) && false
  } catch {
    return true
  }
}

test('a start that fails says why once', async t => {
  const conf = makeConfDir({ ...TWO, plugins: ['missing.mjs'] })
  t.teardown(conf.remove)
  const child = await runMain(['start', '-D', conf.path])
  t.equal(await child.exited(), 1)
  t.equal(child.stderr().match(/portcullis: PTC_/g)?.length, 1)
  t.notMatch(child.stderr() + child.stdout(), /takes its place/, 'and nothing is promised')
})
