/** Verdicts and the connections they were about. */
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { get, getOn, rawClient } from '../kit/client.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, startProxyHere } from '../kit/proxy.js'

const HOSTS = ['one.test', 'two.test'] as const

async function setUp(t: Test, gate: Gate, more: ProxyConf = {}) {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await nodeOrigin({ tls: await root.issue({ cn: 'both', sans: HOSTS }) })
  t.teardown(origin.stop)
  t.teardown(() => gate.stop())
  const conf: ProxyConf = {
    plugins: [gate.line],
    modules: GATE_MODULE,
    hosts: HOSTS,
    ca: root.certPem,
    ...more,
  }
  const proxy = await startProxyHere(conf)
  t.teardown(proxy.stop)
  return {
    proxy,
    origin,
    conf,
    urls: HOSTS.map(host => `https://${host}:${origin.port}/`) as [string, string],
  }
}

const idle = (origin: NodeOrigin, count: number) =>
  origin.until(() => (origin.openConnections === count ? true : undefined), `${count} open connections`)

test('a verdict holds for its connection, however many requests go over it', async t => {
  const gate = new Gate(({ reenable }) => void reenable())
  const { proxy, origin, urls } = await setUp(t, gate)
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  for (let i = 0; i < 5; i++) t.equal((await getOn(client, urls[0])).status, 200)
  for (let i = 0; i < 5; i++) t.equal((await get(proxy.port, urls[0])).status, 200)
  t.equal(gate.asked.length, 1, 'the hook is called once for ten requests of six clients')
  t.equal(gate.sent.length, 10, 'and the request hook for each')
  t.equal(origin.connections, 1)
})

test('a second host on the same address gets a verdict of its own', async t => {
  const gate = new Gate(
    ({ sni, reenable }) => void reenable(sni === 'two.test' ? reject('policy') : undefined),
  )
  const { proxy, origin, urls } = await setUp(t, gate)
  t.equal((await get(proxy.port, urls[0])).status, 200)
  t.equal((await get(proxy.port, urls[1])).status, 502, 'the idle connection of the first is not used for it')
  t.equal((await get(proxy.port, urls[0])).status, 200)
  t.same(
    gate.asked.map(({ sni }) => sni),
    HOSTS,
  )
  t.same(
    origin.requests.map(({ headers }) => headers.host?.split(':')[0]),
    ['one.test', 'one.test'],
  )
})

test('requests that wait at the same time have a handshake each', async t => {
  const gate = new Gate()
  const { proxy, origin, urls } = await setUp(t, gate)
  const responses = [1, 2, 3].map(() => get(proxy.port, urls[0]))
  await gate.parked(2)
  t.equal(gate.asked.length, 3)
  gate.asked[0]?.reenable(reject('policy'))
  gate.asked[1]?.reenable()
  gate.asked[2]?.reenable()
  t.same((await Promise.all(responses)).map(({ status }) => status).sort(), [200, 200, 502])
  t.equal(origin.requests.length, 2, 'the rejected one is not tried on a connection of another')
})

test('connections of 128 requests at once are used again, all of them', async t => {
  const COUNT = 128
  const waiting: ServerResponse[] = []
  const origin = await nodeOrigin({
    handler: (_req, res) => {
      if (waiting.push(res) === COUNT) for (const each of waiting.splice(0)) each.end('ok')
    },
  })
  t.teardown(origin.stop)
  const proxy = await startProxyHere({ hosts: HOSTS })
  t.teardown(proxy.stop)
  const clients = await Promise.all(Array.from({ length: COUNT }, () => rawClient(proxy.port)))
  for (const client of clients) t.teardown(client.stop)
  const url = `http://one.test:${origin.port}/`
  for (let wave = 0; wave < 2; wave++) {
    const answers = await Promise.all(clients.map(client => getOn(client, url)))
    t.ok(answers.every(({ status }) => status === 200))
  }
  t.equal(origin.connections, COUNT)
})

test('with origin_max_idle 0 nothing is kept', async t => {
  const gate = new Gate(({ reenable }) => void reenable())
  const { proxy, origin, urls } = await setUp(t, gate, {
    records: { 'proxy.config.http.origin_max_idle': 0 },
  })
  for (let i = 0; i < 3; i++) t.equal((await get(proxy.port, urls[0])).status, 200)
  t.equal(gate.asked.length, 3)
  await idle(origin, 0)
})

test('after a reload the new plugins decide, and no connection of the old ones is used', async t => {
  const old = new Gate(({ reenable }) => void reenable())
  const fresh = new Gate(({ reenable }) => void reenable(reject('policy', 'new rules')))
  t.teardown(() => fresh.stop())
  const { proxy, origin, urls, conf } = await setUp(t, old)
  t.equal((await get(proxy.port, urls[0])).status, 200)
  await idle(origin, 1)
  proxy.conf.write({ ...conf, plugins: [fresh.line] })
  await proxy.server.reload()
  await idle(origin, 0)
  t.pass('the idle connection is closed')
  const { status, body } = await get(proxy.port, urls[0])
  t.equal(status, 502)
  t.match(body.toString(), /new rules/)
  t.equal(old.asked.length, 1, 'the old plugin is not asked any more')
  await old.until(() => old.isUnloaded || undefined, 'the old plugin to be unloaded')
  t.notOk(fresh.isUnloaded)
})

test('a handshake that is parked across a reload finishes on the plugin that holds it', async t => {
  const old = new Gate()
  const fresh = new Gate(({ reenable }) => void reenable(reject('policy')))
  t.teardown(() => fresh.stop())
  const { proxy, origin, urls, conf } = await setUp(t, old)
  const accepted = get(proxy.port, urls[0])
  const rejected = get(proxy.port, urls[1])
  const events = [await old.parked(0), await old.parked(1)]
  proxy.conf.write({ ...conf, plugins: [fresh.line] })
  await proxy.server.reload()
  t.equal((await get(proxy.port, urls[0])).status, 502, 'new handshakes ask the new plugin')
  await sleep(600)
  t.notOk(old.isUnloaded, 'the old plugin stays for as long as it holds a handshake')
  for (const event of events) event.reenable(event.sni === 'one.test' ? undefined : reject('policy'))
  t.equal((await accepted).status, 200)
  const answeredAt = performance.now()
  t.equal((await rejected).status, 502)
  await old.until(() => old.isUnloaded || undefined, 'the old plugin to be unloaded')
  t.equal((await get(proxy.port, urls[0])).status, 502, 'its connection is of no use to later requests')
  t.equal(fresh.asked.length, 2)
  t.equal(origin.requests.length, 1)
  await idle(origin, 0)
  t.ok(performance.now() - answeredAt < 2000, 'and is not kept')
})

test('a reload that fails leaves everything as it was', async t => {
  const gate = new Gate(({ reenable }) => void reenable())
  const { proxy, origin, urls, conf } = await setUp(t, gate)
  t.equal((await get(proxy.port, urls[0])).status, 200)
  proxy.conf.write({ ...conf, plugins: [gate.line, 'missing.so'] })
  await t.rejects(proxy.server.reload(), {
    code: 'PTC_PLUGIN_NOT_FOUND',
    message: /plugin\.config:2: plugin missing/,
  })
  proxy.conf.write({ ...conf, recordLines: ['CONFIG proxy.config.http.nonsense INT 1'] })
  await t.rejects(proxy.server.reload(), { code: 'PTC_RECORDS_INVALID', message: /records\.config:1/ })
  t.equal((await get(proxy.port, urls[0])).status, 200)
  t.equal(gate.asked.length, 1, 'the idle connection is used')
  t.equal(origin.connections, 1)
})
