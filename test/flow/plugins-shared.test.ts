/** One answer for many: questions that share a call of the plugin, and acceptances that are remembered. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import { accept, reject } from '../../core/api/verdict.js'
import { get, type RawClient, rawClient, requestText } from '../kit/client.js'
import { cuttingRelay } from '../kit/cutting-relay.js'
import { hear } from '../kit/gate.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { PATIENCE } from '../kit/watch.js'

const HOST = 'shared.test'
const MODULES = {
  'shared.mjs': `
import { channel } from 'node:diagnostics_channel'
export default ({ argv, hookAdd }) =>
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => channel('shared asked').publish(event), { coalesce: argv[1] === 'shared' })
`,
} as const

interface Stage {
  readonly proxy: ProxyHere
  readonly origin: NodeOrigin
  /** Every call of the plugin. */
  readonly asked: readonly VerifyServerEvent[]
  readonly url: string
  readonly conf: ProxyConf
}

async function setUp(
  t: Test,
  argument: 'shared' | 'alone',
  answer: (event: VerifyServerEvent) => unknown = () => {},
  records: ProxyConf['records'] = {},
): Promise<Stage> {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await nodeOrigin({ tls: await root.issue({ cn: HOST, sans: [HOST, 'other.test'] }) })
  t.teardown(origin.stop)
  const asked: VerifyServerEvent[] = []
  hear(t, 'shared asked', (event: VerifyServerEvent) => {
    asked.push(event)
    answer(event)
  })
  const conf: ProxyConf = {
    plugins: [`shared.mjs ${argument}`],
    modules: MODULES,
    hosts: [HOST, 'other.test'],
    ca: root.certPem,
    records: { 'proxy.config.diags.debug.enabled': 1, 'proxy.config.diags.debug.tags': 'ssl', ...records },
  }
  const proxy = await startProxyHere(conf)
  t.teardown(proxy.stop)
  return { proxy, origin, asked, url: `https://${HOST}:${origin.port}/`, conf }
}

/** Waits until so many handshakes have been parked, since the start. */
async function parked({ proxy }: Stage, count: number): Promise<void> {
  const ends = Date.now() + PATIENCE
  while (proxy.output().split(' parked, asking ').length <= count) {
    if (Date.now() > ends) throw new Error(`${count} handshakes were not parked`)
    await sleep(5)
  }
}

/** Sends a request and does not wait. */
async function send(proxy: ProxyHere, url: string): Promise<RawClient> {
  const client = await rawClient(proxy.port)
  client.send(requestText(url, ['Connection: close']))
  return client
}

test('500 simultaneous handshakes to one host cost one call of the plugin', async t => {
  const stage = await setUp(t, 'shared')
  const clients = await Promise.all(Array.from({ length: 500 }, () => send(stage.proxy, stage.url)))
  t.teardown(() => {
    for (const client of clients) client.stop()
  })
  const responses = clients.map(client => client.response('GET'))
  await parked(stage, 500)
  t.equal(stage.asked.length, 1)
  t.equal(stage.origin.handshakes.length, 0, 'all of them are held')
  t.equal(stage.asked[0]?.reenable(), 'counted')
  const statuses = (await Promise.all(responses)).map(({ status }) => status)
  t.same(new Set(statuses), new Set([200]))
  t.equal(statuses.length, 500)
  t.equal(stage.origin.handshakes.length, 500, 'each was a handshake of its own')
  t.equal(stage.asked[0]?.reenable(), 'ignored')
  t.match(stage.proxy.output(), /plugin shared reenabled .* a second time/)
})

test('a shared rejection rejects all handshakes that wait for it', async t => {
  const stage = await setUp(t, 'shared')
  const responses = Array.from({ length: 20 }, () => get(stage.proxy.port, stage.url))
  await parked(stage, 20)
  stage.asked[0]?.reenable(reject('revoked', 'on a list'))
  for (const response of await Promise.all(responses)) {
    t.equal(response.status, 502)
    t.match(response.body.toString(), /on a list/)
  }
  t.equal(stage.asked.length, 1)
})

test('a failure of a shared call rejects all handshakes that wait for it', async t => {
  const stage = await setUp(t, 'shared')
  const responses = Array.from({ length: 20 }, () => get(stage.proxy.port, stage.url))
  await parked(stage, 20)
  stage.asked[0]?.schedule(() => {
    throw new Error('oops')
  }, 0)
  for (const response of await Promise.all(responses)) t.match(response.body.toString(), /which failed/)
  t.equal(stage.asked.length, 1)
})

test('a shared call outlives the first client and ends with the last one', async t => {
  const stage = await setUp(t, 'shared')
  const first = await send(stage.proxy, stage.url)
  await parked(stage, 1)
  const second = await send(stage.proxy, stage.url)
  await parked(stage, 2)
  const [event] = stage.asked
  t.equal(stage.asked.length, 1)
  first.stop()
  await stage.origin.until(() => (stage.origin.openConnections === 1 ? true : undefined), 'the first to end')
  t.equal(event?.signal.aborted, false, 'somebody waits')
  second.stop()
  await stage.origin.until(() => (stage.origin.openConnections === 0 ? true : undefined), 'the second to end')
  t.equal(event?.signal.aborted, true, 'nobody waits')
  t.equal(event?.reenable(), 'ignored')

  const third = get(stage.proxy.port, stage.url)
  await parked(stage, 3)
  t.equal(stage.asked.length, 2, 'whoever comes later asks anew')
  stage.asked[1]?.reenable()
  t.equal((await third).status, 200)
})

test('a client that stays gets the answer of a call that others have left', async t => {
  const stage = await setUp(t, 'shared')
  const first = await send(stage.proxy, stage.url)
  await parked(stage, 1)
  const second = get(stage.proxy.port, stage.url)
  await parked(stage, 2)
  first.stop()
  await stage.origin.until(() => (stage.origin.openConnections === 1 ? true : undefined), 'the first to end')
  t.equal(stage.asked[0]?.reenable(), 'counted')
  t.equal((await second).status, 200)
  t.equal(stage.asked.length, 1)
})

test('each handshake on a shared call keeps its own deadline', async t => {
  const deadline = { 'proxy.config.ssl.client.verify.deadline': 4000 } as const
  const stage = await setUp(t, 'shared', () => {}, deadline)
  const first = get(stage.proxy.port, stage.url)
  await parked(stage, 1)
  await sleep(2000)
  const second = get(stage.proxy.port, stage.url)
  t.equal((await first).status, 504)
  t.equal(stage.asked[0]?.signal.aborted, false, 'the second still waits')
  const third = get(stage.proxy.port, stage.url)
  await stage.origin.until(() => stage.asked[1], 'the question to be put anew')
  t.equal((await second).status, 504)
  t.equal(stage.asked[0]?.signal.aborted, true)
  stage.asked[1]?.reenable()
  t.equal((await third).status, 200)
  t.equal(stage.asked.length, 2)
})

test('calls about different chains or names are not shared', async t => {
  const stage = await setUp(t, 'shared')
  const responses = [HOST, 'other.test'].map(host =>
    get(stage.proxy.port, `https://${host}:${stage.origin.port}/`),
  )
  await parked(stage, 2)
  t.equal(stage.asked.length, 2, 'the same certificate, another host')
  for (const { reenable } of stage.asked) reenable()
  for (const { status } of await Promise.all(responses)) t.equal(status, 200)
})

test('calls about two ports of one host are not shared', async t => {
  const stage = await setUp(t, 'shared')
  const relay = await cuttingRelay(stage.origin.port)
  t.teardown(relay.stop)
  const responses = [stage.origin.port, relay.port].map(port =>
    get(stage.proxy.port, `https://${HOST}:${port}/`),
  )
  await parked(stage, 2)
  t.equal(stage.asked.length, 2)
  for (const { port, reenable } of stage.asked)
    reenable(port === relay.port ? reject('policy', 'not this port') : accept())
  t.same(
    (await Promise.all(responses)).map(({ status }) => status),
    [200, 502],
  )
})

test('a call that was put under other rules is not joined', async t => {
  const stage = await setUp(t, 'shared')
  const first = get(stage.proxy.port, stage.url)
  await parked(stage, 1)
  const sni = (word: string): string => `sni:\n  - {fqdn: ${HOST}, verify_server_${word}}\n`
  for (const [i, word] of ['policy: ENFORCED', 'properties: SIGNATURE', `name: other.test`].entries()) {
    stage.proxy.conf.write({ ...stage.conf, files: { 'sni.yaml': sni(word) } })
    await stage.proxy.server.reload()
    const next = get(stage.proxy.port, stage.url)
    await parked(stage, i + 2)
    t.equal(stage.asked.length, i + 2, word)
    stage.asked[i + 1]?.reenable(reject('policy', word))
    t.match((await next).body.toString(), word)
  }
  t.equal(stage.asked[0]?.signal.aborted, false, 'the first one still waits')
  stage.asked[0]?.reenable()
  t.equal((await first).status, 200, 'and none of the rejections was for it')
})

test('a plugin without coalescing is asked about each handshake', async t => {
  const stage = await setUp(t, 'alone', ({ reenable }) => reenable())
  const responses = await Promise.all(Array.from({ length: 5 }, () => get(stage.proxy.port, stage.url)))
  t.same(
    responses.map(({ status }) => status),
    [200, 200, 200, 200, 200],
  )
  t.equal(stage.asked.length, stage.origin.handshakes.length)
  t.equal(new Set(stage.asked.map(({ vconn }) => vconn.id)).size, stage.asked.length)
})

test('an acceptance is remembered as long as its plugin says, and not across a reload', async t => {
  const verdict = accept({ cacheFor: 60_000, scope: 'host' })
  const stage = await setUp(t, 'alone', ({ reenable }) => reenable(verdict), {
    'proxy.config.http.origin_max_idle': 0,
  })
  for (let i = 0; i < 3; i++) t.equal((await get(stage.proxy.port, stage.url)).status, 200)
  t.equal(stage.origin.handshakes.length, 3, 'three handshakes')
  t.equal(stage.asked.length, 1, 'one question')
  await get(stage.proxy.port, `https://other.test:${stage.origin.port}/`)
  t.equal(stage.asked.length, 2, 'another host is another question')
  await stage.proxy.server.reload()
  t.equal((await get(stage.proxy.port, stage.url)).status, 200)
  t.equal(stage.asked.length, 3, 'another generation is asked for itself')
})
