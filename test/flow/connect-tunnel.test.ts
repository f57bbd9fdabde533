/** CONNECT without verification, and what is the same in every mode: allowed targets, how tunnels end. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { rawClient } from '../kit/client.js'
import { type Connecting, type ConnectingOptions, startConnecting } from '../kit/connecting.js'
import { type RawScript, rawOrigin, scripts } from '../kit/raw-origin.js'
import { freePort } from '../kit/tcp-server.js'

const HOST = 'plain.test'

const start = (t: Test, records: ConnectingOptions['records'] = {}): Promise<Connecting> =>
  startConnecting(t, { hosts: [HOST], records: { 'proxy.config.http.connect.verify': 'tunnel', ...records } })

async function origin(t: Test, script: RawScript) {
  const started = await rawOrigin(script)
  t.teardown(started.stop)
  return started
}

const echo: RawScript = async connection => {
  await connection.until(() => (connection.endedAt === undefined ? undefined : true), 'the end')
  connection.send(connection.bytes())
  connection.end()
}

test('start-up says that tunnels are not verified', async t => {
  const { proxy } = await start(t)
  t.match(proxy.output(), /WARNING: proxy\.config\.http\.connect\.verify is tunnel: .* NOT verified/)
})

test('a half-close passes a tunnel in each direction', async t => {
  const { ask, gate } = await start(t)
  const { port, connections } = await origin(t, echo)
  const early = await ask(`${HOST}:${port}`, 'with the request')
  early.end()
  t.equal((await early.response('CONNECT')).status, 200)
  await early.ended()
  t.equal(early.pending().toString(), 'with the request', 'the answer comes after the client has ended')

  const slow = await ask(`${HOST}:${port}`)
  await slow.response('CONNECT')
  slow.send('later')
  await sleep(20)
  slow.end()
  await slow.ended()
  t.equal(slow.pending().toString(), 'later')

  const first = await origin(t, connection => {
    connection.send('bye')
    connection.end()
  })
  const client = await ask(`${HOST}:${first.port}`)
  await client.response('CONNECT')
  await client.ended()
  client.send('still here')
  const [connection] = first.connections
  await connection?.until(
    () => (connection.text() === 'still here' ? true : undefined),
    'what the client sent',
  )
  t.equal(connection?.endedAt, undefined, 'the origin has ended, the client has not')
  client.end()
  await gate.allClosed()
  t.equal(connections.length, 2)
})

test('a tunnel side that breaks ends the other side', async t => {
  const { ask, gate, proxy } = await start(t)
  const waiting = await origin(t, scripts.silence)
  const client = await ask(`${HOST}:${waiting.port}`)
  await client.response('CONNECT')
  const connection = await waiting.connection(0)
  client.reset()
  await connection.until(() => connection.endedAt, 'the end at the origin')

  const resetting = await origin(t, async connection => {
    await connection.untilBytes(1)
    connection.reset()
  })
  const other = await ask(`${HOST}:${resetting.port}`, 'x')
  await other.response('CONNECT')
  await other.ended()
  await gate.allClosed()
  t.notMatch(proxy.output(), /refused or cut/, 'which is no news')
})

test('a CONNECT to an origin out of reach is answered with a page', async t => {
  const { ask } = await start(t, { 'proxy.config.http.connect_ports': '443 8000-8010' })
  const free = await freePort()
  const cases: Record<string, [status: number, code: string]> = {
    [`${HOST}:80`]: [403, 'PTC_REQUEST_DENIED'],
    [`${HOST}:8011`]: [403, 'PTC_REQUEST_DENIED'],
    [HOST]: [400, 'PTC_CONNECT_TARGET'],
    [`${HOST}:0`]: [400, 'PTC_CONNECT_TARGET'],
    [`http://${HOST}:443/`]: [400, 'PTC_REQUEST_MALFORMED'],
    'nowhere.invalid:443': [502, 'PTC_DNS_FAILED'],
  }
  for (const [target, [status, code]] of Object.entries(cases)) {
    const client = await ask(target)
    const answer = await client.response('CONNECT')
    t.equal(answer.status, status, target)
    t.match(answer.header('proxy-status'), code, target)
    await client.ended()
  }
  const open = await start(t)
  const refused = await open.ask(`${HOST}:${free}`)
  t.equal((await refused.response('CONNECT')).status, 502, 'nobody listens')
})

test('a CONNECT with a body is refused', async t => {
  const { proxy } = await start(t)
  for (const [field, status] of [
    ['Content-Length: 5', 400],
    ['Transfer-Encoding: chunked', 400],
    ['Content-Length: 0', 200],
  ] as const) {
    const { port } = await origin(t, scripts.silence)
    const client = await rawClient(proxy.port)
    t.teardown(client.stop)
    client.send(`CONNECT ${HOST}:${port} HTTP/1.1\r\nHost: ${HOST}:${port}\r\n${field}\r\n\r\n`)
    t.equal((await client.response('CONNECT')).status, status, field)
  }
})

test('a client that leaves while its origin is dialled is forgotten', async t => {
  const { ask, proxy } = await start(t, { 'proxy.config.http.connect_attempts_timeout': 2 })
  const client = await ask('192.0.2.1:443') // no host answers there (RFC 5737), or a router says so
  await sleep(50)
  client.reset()
  await sleep(50)
  t.notMatch(proxy.output(), /ERROR|refused or cut/)
})

test('a stop of the proxy ends its tunnels', async t => {
  const { ask, gate, proxy } = await start(t)
  const { port } = await origin(t, scripts.silence)
  const client = await ask(`${HOST}:${port}`)
  await client.response('CONNECT')
  const since = performance.now()
  await proxy.server.stop(100)
  const took = performance.now() - since
  t.ok(took > 80 && took < 2000, `after its grace (${Math.round(took)} ms)`)
  await client.ended()
  await gate.allClosed()
})
