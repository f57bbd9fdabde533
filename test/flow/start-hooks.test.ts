/** Clients that are parked at the start of their connections, on both kinds of ports. */
import { connect } from 'node:net'
import { test } from 'tap'
import type { HookEvents } from '../../core/api/hooks.js'
import { reject } from '../../core/api/verdict.js'
import { get, rawClient, requestText } from '../kit/client.js'
import { HookGate, later } from '../kit/gate.js'
import { natives } from '../kit/handshakes.js'
import type { ProxyConf } from '../kit/proxy.js'
import { rawOrigin } from '../kit/raw-origin.js'
import { startSClient } from '../kit/s-client.js'
import { secureProxy } from '../kit/secure-proxy.js'
import { bothOrigins, gateStage, HOST } from '../kit/start-gate.js'
import { poll } from '../kit/watch.js'

const nothing = (): void => {}

test('a client of a plain port is parked before its request is looked at', async t => {
  const { plain } = await bothOrigins(t)
  const { gate, port } = await gateStage(t, { TS_VCONN_START_HOOK: nothing, TS_VCONN_CLOSE_HOOK: nothing })
  const client = await rawClient(port)
  client.send(requestText(`http://${HOST}:${plain.port}/`))
  const { reenable, vconn } = await gate.next('TS_VCONN_START_HOOK')
  await new Promise(resolve => setTimeout(resolve, 100))
  t.equal(client.text(), '')
  t.equal(plain.requests.length, 0)
  t.equal(reenable(), 'counted')
  t.equal((await client.response('GET')).status, 200)
  client.send(requestText(`http://${HOST}:${plain.port}/again`))
  t.equal((await client.response('GET')).status, 200, 'it is asked about once')
  client.stop()
  t.equal((await gate.next('TS_VCONN_CLOSE_HOOK')).id, vconn.id)
  t.same(gate.called, ['TS_VCONN_START_HOOK', 'TS_VCONN_CLOSE_HOOK'])
})

test('bytes that a parked client sends ahead are not lost, however many', async t => {
  const { plain } = await bothOrigins(t)
  const { port } = await gateStage(t, { TS_VCONN_START_HOOK: ({ reenable }) => later(reenable) })
  const client = await rawClient(port)
  const body = 'x'.repeat(1_000_000)
  const target = `http://${HOST}:${plain.port}/echo`
  client.send(`POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  t.equal((await client.response('POST')).status, 200)
  client.stop()
  t.equal(plain.requests.length, 1)
})

for (const isTls of [false, true]) {
  const port = isTls ? 'an ssl port' : 'a plain port'
  const conf: ProxyConf = isTls
    ? { records: { 'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1' } }
    : { records: { 'proxy.config.http.server_ports': '0:ip-in=127.0.0.1' } }

  test(`a client of ${port} that is refused, or about which nothing is said`, async t => {
    const answers: readonly [(event: HookEvents['TS_VCONN_START_HOOK']) => unknown, RegExp][] = [
      [({ reenable }) => reenable(reject('policy', 'not you')), /refused the connection: policy, not you/],
      [
        ({ reenable }) => later(() => reenable(reject('policy', 'later'))),
        /refused the connection: policy, later/,
      ],
      [({ schedule }) => schedule(() => Promise.reject(new Error('oops')), 1), /failed when it was asked/],
      [nothing, /did not answer about the connection in time/],
    ]
    for (const [answer, expected] of answers) {
      const gate = new HookGate(
        { TS_VCONN_START_HOOK: answer, TS_VCONN_CLOSE_HOOK: nothing },
        { options: '@deadline=100' },
      )
      const { proxy } = await secureProxy(t, [gate], conf)
      const client = await rawClient(proxy.port)
      client.send('GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n')
      await client.ended()
      t.equal(client.text(), '', 'not a byte')
      await proxy.until(expected)
      await gate.next('TS_VCONN_CLOSE_HOOK')
      await proxy.stop()
      t.equal(gate.of('TS_VCONN_CLOSE_HOOK').length, 1, 'the close hook is called once')
    }
  })

  test(`a client of ${port} that leaves while parked`, async t => {
    const before = natives()
    const gate = new HookGate({ TS_VCONN_START_HOOK: nothing, TS_VCONN_CLOSE_HOOK: nothing })
    const { proxy } = await secureProxy(t, [gate], conf)
    const socket = connect(proxy.port, '127.0.0.1')
    socket.write('GET http://a/ HTTP/1.1\r\n')
    const event = await gate.next('TS_VCONN_START_HOOK')
    socket.end()
    await gate.next('TS_VCONN_CLOSE_HOOK')
    t.equal(event.signal.aborted, true)
    t.equal(event.reenable(), 'ignored')
    t.match(proxy.output(), /reenabled client 127\.0\.0\.1:\d+ when nobody waited any more/)
    socket.destroy()
    await proxy.stop()
    t.equal(gate.of('TS_VCONN_CLOSE_HOOK').length, 1)
    t.same(natives(), before)
  })
}

test('bytes that a parked client sends ahead of its tunnel reach the origin', async t => {
  const origin = await rawOrigin(nothing)
  t.teardown(origin.stop)
  const { gate, port } = await gateStage(
    t,
    { TS_VCONN_START_HOOK: nothing },
    { records: { 'proxy.config.http.connect.verify': 'tunnel' } },
  )
  const client = await rawClient(port)
  for (const text of [`CONNECT ${HOST}:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`, 'one, ', 'two']) {
    client.send(text)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const { reenable } = await gate.next('TS_VCONN_START_HOOK')
  reenable()
  t.equal((await client.response('CONNECT')).status, 200)
  const connection = await origin.connection(0)
  await poll(() => connection.bytes().length >= 8, 'the bytes')
  t.equal(connection.bytes().toString(), 'one, two')
  client.stop()
})

test('a client of an ssl port gets no ServerHello before the plugin has answered', async t => {
  const gate = new HookGate({
    TS_VCONN_START_HOOK: nothing,
    TS_SSL_CLIENT_HELLO_HOOK: ({ reenable }) => reenable(),
  })
  const { port } = await secureProxy(t, [gate])
  const client = await startSClient({ port, servername: 'proxy.example', request: 'x\r\n\r\n' })
  t.teardown(() => client.child.stop())
  const event = await gate.next('TS_VCONN_START_HOOK')
  await new Promise(resolve => setTimeout(resolve, 100))
  t.equal(gate.of('TS_SSL_CLIENT_HELLO_HOOK').length, 0)
  event.reenable()
  const hello = await gate.next('TS_SSL_CLIENT_HELLO_HOOK')
  t.equal(hello.vconn.id, event.vconn.id, 'one connection')
  t.equal((await gate.next('TS_VCONN_START_HOOK')).reenable(), 'ignored')
})

test('a plugin in shadow mode is asked about clients, logged, and has no say', async t => {
  const { plain } = await bothOrigins(t)
  const { port, proxy } = await gateStage(
    t,
    {
      TS_VCONN_START_HOOK: ({ reenable }) => reenable(reject('policy', 'no')),
      TS_VCONN_OUTBOUND_START_HOOK: nothing,
    },
    { options: '@mode=shadow @deadline=1000' },
  )
  t.equal((await get(port, `http://${HOST}:${plain.port}/`)).status, 200)
  t.notMatch(proxy.output(), /did not answer in time/, 'no request waits for it')
  await proxy.until(/would have rejected client 127\.0\.0\.1:\d+: policy, no/)
  await proxy.until(new RegExp(`would have rejected ${HOST}: it did not answer in time`))
})

test('every native object is freed when all connections have ended', async t => {
  t.same(natives(), { 'scratch BIO': 1 }, 'every native object is freed')
})
