/** Connections to origins that are parked at their start: of https, of http, of tunnels, and of probes. */
import { test } from 'tap'
import type { HookEvents } from '../../core/api/hooks.js'
import { reject } from '../../core/api/verdict.js'
import { get, rawClient, requestText } from '../kit/client.js'
import { liveHandshakes } from '../kit/handshakes.js'
import { rawOrigin } from '../kit/raw-origin.js'
import { bothOrigins, gateStage, HOST } from '../kit/start-gate.js'

const later = (fn: () => unknown): unknown => setTimeout(fn, 20)
const nothing = (): void => {}

test('origins of every kind are parked before a byte is sent to them', async t => {
  const { secure, plain } = await bothOrigins(t)
  for (const [what, of, mode, isConnect] of [
    ['https', secure, 'probe', false],
    ['http', plain, 'probe', false],
    ['a tunnel', plain, 'tunnel', true],
    ['a probe', secure, 'probe', true],
  ] as const) {
    const { gate, port, proxy } = await gateStage(
      t,
      { TS_VCONN_OUTBOUND_START_HOOK: nothing, TS_VCONN_OUTBOUND_CLOSE_HOOK: nothing },
      { records: { 'proxy.config.http.connect.verify': mode } },
    )
    const client = await rawClient(port)
    const scheme = of === secure ? 'https' : 'http'
    const at = `${HOST}:${of.port}`
    client.send(
      isConnect ? `CONNECT ${at} HTTP/1.1\r\nHost: ${at}\r\n\r\n` : requestText(`${scheme}://${at}/`),
    )
    const event = await gate.next('TS_VCONN_OUTBOUND_START_HOOK')
    t.match(event, { host: HOST, port: of.port, vconn: { direction: 'outbound' } }, what)
    await new Promise(resolve => setTimeout(resolve, 60))
    t.equal(client.text(), '', `${what}: the client waits`)
    event.reenable()
    if (what === 'a probe') (await gate.next('TS_VCONN_OUTBOUND_START_HOOK', 1)).reenable()
    t.equal((await client.response(isConnect ? 'CONNECT' : 'GET')).status, 200, what)
    client.stop()
    await proxy.stop()
    const started = gate.of('TS_VCONN_OUTBOUND_START_HOOK').map(({ vconn }) => vconn.id)
    await gate.next('TS_VCONN_OUTBOUND_CLOSE_HOOK', started.length - 1)
    t.same(
      gate.of('TS_VCONN_OUTBOUND_CLOSE_HOOK').map(({ id }) => id),
      started,
      `${what}: each start has its close`,
    )
  }
})

test('an origin that is refused: 502, 500 or 504 with a page, and not a byte for the origin', async t => {
  const origin = await rawOrigin(nothing)
  t.teardown(origin.stop)
  const answers: readonly [(event: HookEvents['TS_VCONN_OUTBOUND_START_HOOK']) => unknown, number, RegExp][] =
    [
      [({ reenable }) => reenable(reject('policy', 'not there')), 502, /PTC_PLUGIN_REFUSED_ORIGIN/],
      [({ reenable }) => later(() => reenable(reject('policy', 'not there'))), 502, /policy, not there/],
      [({ schedule }) => schedule(() => Promise.reject(new Error('oops')), 1), 500, /PTC_PLUGIN_FAILED/],
      [nothing, 504, /PTC_PLUGIN_TIMEOUT/],
    ]
  for (const [answer, status, expected] of answers) {
    const { gate, port, proxy } = await gateStage(
      t,
      { TS_VCONN_OUTBOUND_START_HOOK: answer, TS_VCONN_OUTBOUND_CLOSE_HOOK: nothing },
      { options: '@deadline=100' },
    )
    const at = `${HOST}:${origin.port}`
    for (const scheme of ['http', 'https']) {
      const response = await get(port, `${scheme}://${at}/`)
      t.equal(response.status, status, scheme)
      t.match(response.body.toString(), expected)
      t.match(response.body.toString(), /Plugin: gate/)
      t.notMatch(response.body.toString(), /oops/, 'what a plugin throws is for the log')
    }
    const client = await rawClient(port)
    client.send(`CONNECT ${at} HTTP/1.1\r\nHost: ${at}\r\n\r\n`)
    t.equal((await client.response('CONNECT')).status, status)
    client.stop()
    await proxy.stop()
    t.equal(gate.of('TS_VCONN_OUTBOUND_CLOSE_HOOK').length, 3)
  }
  t.equal(origin.connections.length, 12)
  t.ok(origin.connections.every(connection => connection.bytes().length === 0))
})

test('a parked connection to an origin ends when client or origin leaves', async t => {
  const origin = await rawOrigin(nothing)
  t.teardown(origin.stop)
  for (const who of ['client', 'origin'] as const) {
    for (const how of ['http', 'https', 'CONNECT'] as const) {
      const { gate, port, proxy } = await gateStage(t, {
        TS_VCONN_OUTBOUND_START_HOOK: nothing,
        TS_VCONN_OUTBOUND_CLOSE_HOOK: nothing,
      })
      const client = await rawClient(port)
      const at = `${HOST}:${origin.port}`
      const count = origin.connections.length
      client.send(
        how === 'CONNECT' ? `CONNECT ${at} HTTP/1.1\r\nHost: ${at}\r\n\r\n` : requestText(`${how}://${at}/`),
      )
      const event = await gate.next('TS_VCONN_OUTBOUND_START_HOOK')
      const connection = await origin.connection(count)
      if (who === 'client') client.stop()
      else connection.end()
      await gate.next('TS_VCONN_OUTBOUND_CLOSE_HOOK')
      t.equal(event.signal.aborted, true, `${how}: the ${who} leaves`)
      t.equal(event.reenable(), 'ignored')
      if (who === 'origin') t.match((await client.response()).body.toString(), /PTC_ORIGIN_CLOSED/)
      client.stop()
      await proxy.stop()
      t.equal(gate.of('TS_VCONN_OUTBOUND_CLOSE_HOOK').length, 1)
      t.equal(connection.bytes().length, 0)
    }
  }
  t.equal(liveHandshakes(), 0)
})

test("time that plugins take does not count as the origin's time", async t => {
  const { secure } = await bothOrigins(t)
  const { port } = await gateStage(
    t,
    { TS_VCONN_OUTBOUND_START_HOOK: ({ reenable }) => setTimeout(reenable, 1300) },
    { records: { 'proxy.config.ssl.client.handshake_timeout': 1 } },
  )
  t.equal((await get(port, `https://${HOST}:${secure.port}/`)).status, 200)
})

test('an origin that speaks first in a tunnel is heard when the plugin has answered', async t => {
  const origin = await rawOrigin(connection => connection.send('220 ready\r\n'))
  t.teardown(origin.stop)
  const { port } = await gateStage(
    t,
    { TS_VCONN_OUTBOUND_START_HOOK: ({ reenable }) => setTimeout(reenable, 100) },
    { records: { 'proxy.config.http.connect.verify': 'tunnel' } },
  )
  const client = await rawClient(port)
  client.send(`CONNECT ${HOST}:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`)
  t.equal((await client.response('CONNECT')).status, 200)
  await client.until(() => (client.pending().includes('220 ready') ? true : undefined), 'the greeting')
  client.stop()
})
