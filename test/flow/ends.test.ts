/** Every way a parked handshake can end, as client, origin, plugin and operator see it. */
import { type Test, test } from 'tap'
import { accept, reject } from '../../core/api/verdict.js'
import { get, getOn, rawClient, requestText } from '../kit/client.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import { liveHandshakes } from '../kit/handshakes.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { tapRelay } from '../kit/relay.js'

const HOST = 'held.test'

interface Stage {
  readonly proxy: ProxyHere
  readonly gate: Gate
  readonly origin: NodeOrigin
  readonly url: string
}

async function setUp(t: Test, gate: Gate, more: ProxyConf = {}): Promise<Stage> {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await nodeOrigin({ tls: await root.issue({ cn: HOST }) })
  t.teardown(origin.stop)
  t.teardown(() => gate.stop())
  const conf: ProxyConf = {
    plugins: [gate.line],
    hosts: [HOST],
    ca: root.certPem,
    ...more,
    modules: { ...GATE_MODULE, ...more.modules },
  }
  const proxy = await startProxyHere(conf)
  t.teardown(proxy.stop)
  return { proxy, gate, origin, url: `https://${HOST}:${origin.port}/` }
}

/** Nothing has reached the origin, the close hook ran once for each connection, and nothing native is left. */
async function endsClean(t: Test, { proxy, gate, origin }: Stage, requests = 0): Promise<void> {
  await proxy.stop()
  await gate.allClosed()
  t.same([...gate.closed].sort(), [...gate.started].sort(), 'the close hook ran once for each connection')
  t.equal(liveHandshakes(), 0, 'nothing native is left')
  t.equal(origin.requests.length, requests, 'the origin has no request that was not accepted')
}

for (const [how, leave] of [
  ['closes', 'end'],
  ['resets the connection', 'reset'],
] as const) {
  test(`a client that ${how} while parked`, async t => {
    const stage = await setUp(t, new Gate())
    const { proxy, gate, origin, url } = stage
    const client = await rawClient(proxy.port)
    client.send(requestText(url))
    const event = await gate.parked()
    client[leave]()
    await origin.until(
      () => (origin.openConnections === 0 ? true : undefined),
      "the origin's connection to end",
    )
    await gate.allClosed()
    t.ok(event.signal.aborted, 'the plugin hears of it')
    t.equal(event.reenable(), 'ignored', 'a verdict after that reaches nothing')
    t.match(proxy.output(), /WARNING: plugin gate reenabled .*held\.test when nobody waited any more/)
    t.notMatch(proxy.output(), /ERROR/, 'and nothing has crashed')
    t.equal(origin.handshakes.length, 0)
    client.stop()

    const next = get(proxy.port, url)
    const second = await gate.parked(1)
    second.reenable()
    t.equal((await next).status, 200, 'the proxy serves on')
    await endsClean(t, stage, 1)
  })
}

test('an origin that leaves while parked ends the wait if there are no redials', async t => {
  const records = { 'proxy.config.ssl.client.verify.redials': 0 }
  const stage = await setUp(t, new Gate(), { records })
  const { proxy, gate, origin } = stage
  const relay = await tapRelay(origin.port)
  const response = get(proxy.port, `https://${HOST}:${relay.port}/`)
  const event = await gate.parked()
  await relay.stop()
  const { status, body, header } = await response
  t.equal(status, 502)
  t.match(body.toString(), /closed the connection during the TLS handshake.*PTC_HANDSHAKE_CLOSED/s)
  t.match(header('proxy-status'), /error=connection_terminated/)
  t.ok(event.signal.aborted, 'the plugin hears of it')
  t.equal(event.reenable(accept()), 'ignored')
  await endsClean(t, stage)
})

test('the second answer of a plugin reaches nothing', async t => {
  const answers: string[] = []
  const gate = new Gate(
    ({ reenable }) => void answers.push(reenable(), reenable(reject('policy')), reenable()),
  )
  const stage = await setUp(t, gate)
  t.equal((await get(stage.proxy.port, stage.url)).status, 200, 'the first answer counts')
  t.same(answers, ['counted', 'ignored', 'ignored'])
  t.match(stage.proxy.output(), /WARNING: plugin gate reenabled .* a second time; it reached nothing/)
  await endsClean(t, stage, 1)
})

test('a rejection cannot be taken back', async t => {
  const gate = new Gate(({ reenable }) => void [reenable(reject('policy')), reenable(accept())])
  const stage = await setUp(t, gate)
  t.equal((await get(stage.proxy.port, stage.url)).status, 502)
  await endsClean(t, stage)
})

const FAILING = {
  throws: `export default ({ hookAdd }) => hookAdd('TS_SSL_CERT_VERIFY_HOOK', () => { throw new TypeError('no list') })`,
  'rejects its promise': `export default ({ hookAdd }) => hookAdd('TS_SSL_CERT_VERIFY_HOOK', async () => {
    await new Promise(resolve => setTimeout(resolve, 5))
    throw new TypeError('no list')
  })`,
} as const

for (const [how, text] of Object.entries(FAILING)) {
  test(`a plugin that ${how} has answered no`, async t => {
    const gate = new Gate(event => void event.reenable())
    const stage = await setUp(t, gate, { plugins: ['failing', gate.line], modules: { 'failing.mjs': text } })
    const { proxy, origin, url } = stage
    for (const _ of [1, 2]) {
      const { status, body } = await get(proxy.port, url)
      t.equal(status, 502)
      t.match(body.toString(), /plugin failing, which failed .*: no list.*PTC_VERIFY_PLUGIN_FAILED/s)
    }
    t.match(proxy.output(), /ERROR: plugin failing failed while it was asked about held\.test: no list/)
    t.equal(gate.asked.length, 0, 'the next plugin is not asked')
    await origin.until(() => origin.failures[1], 'the alert')
    t.match(origin.failures[0], /BAD_CERTIFICATE/, 'the origin has its alert')
    await endsClean(t, stage)
  })
}

test('a plugin that does not answer before the deadline has rejected', async t => {
  for (const [plugins, records] of [
    [(gate: Gate) => gate.line, { 'proxy.config.ssl.client.verify.deadline': 150 }],
    [(gate: Gate) => gate.line.replace(' ', ' @deadline=150 '), {}],
  ] as const) {
    const gate = new Gate()
    const stage = await setUp(t, gate, { plugins: [plugins(gate)], records })
    const { status, body, header, ms } = await get(stage.proxy.port, stage.url)
    t.equal(status, 504)
    t.ok(ms >= 149, 'not before')
    t.match(body.toString(), /the deadline, while plugin gate held it.*PTC_VERIFY_TIMEOUT/s)
    t.match(header('proxy-status'), /X509_V_ERR_APPLICATION_VERIFICATION/)
    const { origin } = stage
    t.match(await origin.until(() => origin.failures[0], 'the alert'), /HANDSHAKE_FAILURE/)
    t.equal(gate.asked[0]?.reenable(), 'ignored', 'what is said later reaches nothing')
    await endsClean(t, stage)
  }
})

test('the second of two plugins can reject', async t => {
  const first = new Gate(event => void event.reenable())
  const second = new Gate(event => void event.reenable(reject('expired', 'by the book')))
  t.teardown(() => second.stop())
  const stage = await setUp(t, first, {
    plugins: [first.line, second.line.replace('gate.mjs', 'later.mjs')],
    modules: { 'later.mjs': GATE_MODULE['gate.mjs'] },
  })
  const { status, body } = await get(stage.proxy.port, stage.url)
  t.equal(status, 502)
  t.match(body.toString(), /rejected by plugin later \(X509_V_ERR_CERT_HAS_EXPIRED 10\): by the book/)
  t.same([first.asked.length, second.asked.length], [1, 1], 'both were asked')
  const { origin } = stage
  t.match(await origin.until(() => origin.failures[0], 'the alert'), /CERTIFICATE_EXPIRED/)
  await endsClean(t, stage)
})

test('the second plugin is not asked after a rejection by the first', async t => {
  const first = new Gate(event => void event.reenable(reject('policy')))
  const second = new Gate(event => void event.reenable())
  t.teardown(() => second.stop())
  const stage = await setUp(t, first, { plugins: [first.line, second.line] })
  t.equal((await get(stage.proxy.port, stage.url)).status, 502)
  t.equal(second.asked.length, 0, 'the second is not asked, and cannot undo it')
  await endsClean(t, stage)
})

test('a client is served on after a rejection, on the same connection', async t => {
  const gate = new Gate(
    event => void event.reenable(event.sni === HOST && gate.asked.length === 1 ? reject('policy') : accept()),
  )
  const stage = await setUp(t, gate)
  const client = await rawClient(stage.proxy.port)
  t.teardown(client.stop)
  t.equal((await getOn(client, stage.url)).status, 502)
  t.equal((await getOn(client, stage.url)).status, 200, 'a rejection ends the request, not the connection')
  t.equal(gate.asked.length, 2, 'and is not remembered')
  await endsClean(t, stage, 1)
})
