/**
 * Holds that last longer than the origin's patience: the wait goes on, and a new connection is made when it is over. Longer
 * than 250 lines because all ways in which such a wait can end share one stage.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { SecureVersion } from 'node:tls'
import { type Test, test } from 'tap'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import { accept, reject } from '../../core/api/verdict.js'
import { get, rawClient, requestText } from '../kit/client.js'
import { type CuttingRelay, cuttingRelay } from '../kit/cutting-relay.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import { liveHandshakes } from '../kit/handshakes.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { readRecords } from '../kit/tls-records.js'
import { poll } from '../kit/watch.js'

const HOST = 'held.test'

interface Stage {
  readonly proxy: ProxyHere
  readonly gate: Gate
  readonly origin: NodeOrigin
  /** The same name with another certificate. */
  readonly other: NodeOrigin
  readonly relay: CuttingRelay
  readonly url: string
}

async function setUp(t: Test, more: ProxyConf = {}, maxVersion: SecureVersion = 'TLSv1.3'): Promise<Stage> {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await nodeOrigin({ tls: { ...(await root.issue({ cn: HOST })), maxVersion } })
  const other = await nodeOrigin({ tls: await root.issue({ cn: HOST, sans: [HOST, 'other.test'] }) })
  const relay = await cuttingRelay(origin.port)
  const gate = new Gate()
  for (const stop of [origin.stop, other.stop, relay.stop, () => gate.stop()]) t.teardown(stop)
  const proxy = await startProxyHere({
    hosts: [HOST],
    ca: root.certPem,
    ...more,
    plugins: [gate.line, ...(more.plugins ?? [])],
    records: { 'proxy.config.http.connect_ports': `${relay.port}`, ...more.records },
    modules: { ...GATE_MODULE, ...more.modules },
  })
  t.teardown(proxy.stop)
  return { proxy, gate, origin, other, relay, url: `https://${HOST}:${relay.port}/` }
}

/** A request whose handshake a plugin holds. */
interface Held extends Stage {
  readonly response: ReturnType<typeof get>
  readonly event: VerifyServerEvent
}

async function hold(t: Test, more?: ProxyConf, maxVersion?: SecureVersion): Promise<Held> {
  const stage = await setUp(t, more, maxVersion)
  const response = get(stage.proxy.port, stage.url)
  return { ...stage, response, event: await stage.gate.parked() }
}

/** The same, whose origin has left. */
async function holdAlone(t: Test, how?: 'end' | 'reset'): Promise<Held> {
  const stage = await hold(t)
  stage.relay.cut(how)
  await released(stage)
  return stage
}

/** Waits until the proxy has seen the end of its connection. */
async function released({ proxy }: Stage, times = 1): Promise<void> {
  const pattern = /held\.test.* ended while plugins hold the handshake/g
  await poll(() => (proxy.output().match(pattern) ?? []).length >= times, 'the end of the connection')
}

/** The close hook ran once for each connection, and nothing native is left. */
async function endsClean(t: Test, { proxy, gate, origin, other }: Stage, requests: number): Promise<void> {
  await proxy.stop()
  await gate.allClosed()
  t.same([...gate.closed].sort(), [...gate.started].sort(), 'the close hook ran once for each connection')
  t.equal(liveHandshakes(), 0, 'nothing native is left')
  t.equal(origin.requests.length + other.requests.length, requests)
}

for (const how of ['end', 'reset'] as const)
  test(`a hold goes on when its origin leaves (${how}), and its verdict holds on a new connection`, async t => {
    const stage = await holdAlone(t, how)
    const { gate, relay, response, event } = stage
    t.notOk(event.signal.aborted)
    t.equal(event.reenable(), 'counted')
    t.equal((await response).status, 200)
    t.equal(gate.asked.length, 1, 'the plugin is asked once')
    t.equal(relay.connections, 2)
    const [first = []] = relay.received
    t.same(readRecords(Buffer.concat(first)).names, ['ClientHello'], 'the first connection had no alert')
    await endsClean(t, stage, 1)
  })

test('a new connection that shows another certificate is judged anew', async t => {
  const stage = await holdAlone(t)
  const { gate, relay, other, response, event: first } = stage
  relay.leadTo(other.port)
  first.reenable()
  const second = await gate.parked(1)
  t.not(second.chain[0]?.sha256, first.chain[0]?.sha256)
  t.equal(second.reenable(reject('policy', 'not this one')), 'counted')
  const { status, body } = await response
  t.equal(status, 502)
  t.match(body.toString(), /not this one/)
  await endsClean(t, stage, 0)
})

test('a rejection without a connection sends nothing, and makes no new connection', async t => {
  const stage = await holdAlone(t)
  const { relay, response, event } = stage
  event.reenable(reject('revoked'))
  const { status, body } = await response
  t.equal(status, 502)
  t.match(body.toString(), /PTC_VERIFY_REJECTED/)
  t.equal(relay.connections, 1)
  await endsClean(t, stage, 0)
})

test('a client that leaves ends a hold without a connection', async t => {
  const stage = await setUp(t)
  const { proxy, gate, relay, url } = stage
  const client = await rawClient(proxy.port)
  client.send(requestText(url))
  const event = await gate.parked()
  relay.cut()
  await released(stage)
  client.end()
  await gate.allClosed()
  t.ok(event.signal.aborted)
  t.equal(event.reenable(), 'ignored')
  t.equal(relay.connections, 1)
  client.stop()
  await endsClean(t, stage, 0)
})

test('the deadline ends a hold without a connection', async t => {
  const stage = await hold(t, { records: { 'proxy.config.ssl.client.verify.deadline': 500 } })
  const { relay, response, event } = stage
  relay.cut()
  t.equal((await response).status, 504)
  t.ok(event.signal.aborted)
  await endsClean(t, stage, 0)
})

test('new connections are bounded by verify.redials', async t => {
  const stage = await setUp(t, { records: { 'proxy.config.ssl.client.verify.redials': 1 } })
  const { proxy, gate, relay, origin, other, url } = stage
  const response = get(proxy.port, url)
  const first = await gate.parked()
  relay.cut()
  await released(stage)
  relay.leadTo(other.port)
  first.reenable()
  const second = await gate.parked(1)
  relay.leadTo(origin.port)
  relay.cut()
  const { status, body } = await response
  t.equal(status, 502)
  t.match(body.toString(), /PTC_HANDSHAKE_CLOSED/)
  t.ok(second.signal.aborted)
  t.equal(relay.connections, 2)
  await endsClean(t, stage, 0)
})

test('with release_after the proxy ends the connection itself, without an alert', async t => {
  const stage = await hold(t, { records: { 'proxy.config.ssl.client.verify.release_after': 1 } })
  const { gate, relay, response, event } = stage
  t.equal(relay.openConnections, 1)
  await released(stage)
  t.ok(await poll(() => relay.openConnections === 0, 'the end at the relay'))
  event.reenable(accept())
  t.equal((await response).status, 200)
  const [first = []] = relay.received
  t.same(readRecords(Buffer.concat(first)).names, ['ClientHello'])
  t.equal(gate.asked.length, 1)
  await endsClean(t, stage, 1)
})

test('an acceptance is void on a new connection if there was a revocation in between', async t => {
  const revokes = `export default ({ hookAdd, revoke }) => {
    hookAdd('TS_HTTP_READ_REQUEST_HDR_HOOK', ({ url, reenable }) => {
      if (url.endsWith('/revoke')) revoke({ host: 'elsewhere.test' })
      reenable()
    })
  }`
  const stage = await setUp(t, { plugins: ['revokes.mjs'], modules: { 'revokes.mjs': revokes } })
  const { proxy, gate, relay, url } = stage
  const response = get(proxy.port, url)
  const first = await gate.parked()
  relay.cut()
  await released(stage)
  await get(proxy.port, `http://${HOST}:${relay.port}/revoke`)
  t.match(proxy.output(), /revoked.*elsewhere\.test/)
  first.reenable()
  const second = await gate.parked(1)
  second.reenable()
  t.equal((await response).status, 200)
  await endsClean(t, stage, 1)
})

test('a plugin in workers keeps its turn when the origin leaves', async t => {
  const slow = `export default ({ hookAdd }) => {
    hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ vconn, reenable, schedule, signal }) => {
      vconn.args.slow = 'kept'
      schedule(() => reenable(vconn.args.slow === 'kept' && !signal.aborted ? undefined : { kind: 'reject', reason: 'policy' }), 1500)
    })
  }`
  const { proxy, relay, response, event } = await hold(t, {
    plugins: ['slow.mjs @isolate=worker'],
    modules: { 'slow.mjs': slow },
  })
  event.reenable()
  await sleep(300)
  relay.cut()
  t.equal((await response).status, 200)
  t.equal(relay.connections, 2)
  await proxy.stop()
  t.equal(liveHandshakes(), 0)
})

test('TLS 1.2: a connection that was lost without a word while plugins were asked is replaced', async t => {
  const stage = await hold(t, {}, 'TLSv1.2')
  const { gate, relay, response, event } = stage
  relay.loseNext()
  event.reenable()
  t.equal((await response).status, 200)
  t.equal(gate.asked.length, 1)
  t.equal(relay.connections, 2)
  await endsClean(t, stage, 1)
})

test('an origin that takes no connection for a moment is tried again', async t => {
  const stage = await holdAlone(t)
  const { gate, relay, response, event } = stage
  relay.refuse(2)
  event.reenable()
  t.equal((await response).status, 200)
  t.equal(gate.asked.length, 1)
  t.equal(relay.connections, 4)
  await endsClean(t, stage, 1)
})

test('an origin that takes no connection any more is given up', async t => {
  const stage = await holdAlone(t)
  const { relay, response, event } = stage
  relay.refuse(100)
  event.reenable()
  t.equal((await response).status, 502)
  t.equal(relay.connections, 4, 'three more than the first')
  await endsClean(t, stage, 0)
})

test('a CONNECT that is probed outlives the patience of its origin as well', async t => {
  const stage = await setUp(t)
  const { proxy, gate, relay } = stage
  const client = await rawClient(proxy.port)
  client.send(`CONNECT ${HOST}:${relay.port} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
  const event = await gate.parked()
  relay.cut()
  await released(stage)
  event.reenable()
  t.equal((await client.response('CONNECT')).status, 200)
  t.equal(gate.asked.length, 1)
  client.stop()
  await endsClean(t, stage, 0)
})

/** Completes every chain with the certificates in a file. */
const COMPLETES = `
import { readFileSync } from 'node:fs'
export default ({ confDir, hookAdd, readCertificates }) => {
  const intermediates = readCertificates(readFileSync(confDir + '/middle.pem', 'utf8')).map(({ raw }) => raw)
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async ({ verifyAgain, complete, reenable }) => {
    complete(await verifyAgain({ intermediates }))
    reenable()
  }, { sees: 'incomplete' })
}`

test('a verdict about a chain that a plugin has completed holds for what the origin showed, and for nothing else', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const middle = await makeAuthority({ name: 'Middle', parent: root })
  const tls = async (sans?: readonly string[]) => {
    const { certPem: chainPem, ...issued } = await middle.issue({ cn: HOST, ...(sans && { sans }) })
    return { ...issued, certPem: chainPem, chainPem }
  }
  const [left, whole, other] = [await tls(), await tls([HOST, 'whole.test']), await tls([HOST, 'other.test'])]
  const origin = await nodeOrigin({ tls: left })
  const complete = await nodeOrigin({ tls: { ...left, chainPem: left.chainPem + middle.certPem } })
  const others = await Promise.all([nodeOrigin({ tls: other }), nodeOrigin({ tls: whole })])
  const relay = await cuttingRelay(origin.port)
  const gate = new Gate()
  for (const stop of [origin.stop, complete.stop, relay.stop, () => gate.stop()]) t.teardown(stop)
  for (const { stop } of others) t.teardown(stop)
  const proxy = await startProxyHere({
    hosts: [HOST],
    ca: root.certPem,
    plugins: [gate.line, 'completes.mjs'],
    modules: { ...GATE_MODULE, 'completes.mjs': COMPLETES },
    files: { 'middle.pem': middle.certPem },
    records: { 'proxy.config.http.origin_max_idle': 0 },
  })
  t.teardown(proxy.stop)
  let asked = 0
  let cuts = 0
  /** One request whose origin leaves during the hold; `next` answers on the new connection. */
  const heldOver = async (next: NodeOrigin): Promise<number> => {
    relay.leadTo(origin.port)
    const response = get(proxy.port, `https://${HOST}:${relay.port}/`)
    const event = await gate.parked(asked)
    t.match(event, { builtIn: { ok: true }, chain: { length: 1 }, builtChain: { length: 3 } })
    relay.cut()
    cuts += 1
    await poll(
      () => (proxy.output().match(/ended while plugins hold/g) ?? []).length >= cuts,
      'the end of the connection',
    )
    relay.leadTo(next.port)
    event.reenable()
    let status: number | undefined
    void response.then(it => {
      status = it.status
    })
    const askedAgain = (): VerifyServerEvent | undefined => gate.asked[asked + 1]
    await poll(() => status !== undefined || askedAgain() !== undefined, 'a response, or the question again')
    const times = askedAgain() === undefined ? 1 : 2
    askedAgain()?.reenable(reject('policy'))
    t.equal((await response).status, times === 1 ? 200 : 502)
    asked += times
    return times
  }
  t.equal(await heldOver(origin), 1, 'the same again: the plugin is asked once')
  t.equal(await heldOver(complete), 2, 'the same leaf with its issuer is other evidence')
  for (const [i, one] of others.entries()) t.equal(await heldOver(one), 2, `another leaf ${i}`)
  t.equal(await heldOver(origin), 1)
  await proxy.stop()
  t.equal(liveHandshakes(), 0)
})
