/** Records that bring nothing, from clients and from origins: a few are fine, a flood is the end of the connection. */
import { connect } from 'node:net'
import { test } from 'tap'
import { OutboundContext } from '../../core/tls/openssl/outbound-context.js'
import { OutboundEngine } from '../../core/tls/openssl/outbound-engine.js'
import { TlsLink } from '../../core/tls/tls-link.js'
import { FakeLink, SinkLog } from '../kit/fake-link.js'
import { natives } from '../kit/handshakes.js'
import { OriginEngine, shake } from '../kit/origin-engine.js'
import { HELLO, own, REQUEST, root, secureProxy } from '../kit/secure-proxy.js'
import { UpdatingClient } from '../kit/updating-client.js'

test('a client that floods us with key updates is cut off', async t => {
  const { proxy, port } = await secureProxy(t, [], {
    records: {
      'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1',
      'proxy.config.diags.debug.enabled': 1,
      'proxy.config.diags.debug.tags': 'ssl',
    },
  })
  // Never so many in a row that their mere bytes would be too many.
  for (const [rounds, isFlood] of [
    [1, false],
    [3, true],
  ] as const) {
    const client = new UpdatingClient(connect(port, '127.0.0.1'), 'proxy.example')
    await client.secured
    for (let i = 0; i < rounds; i++) {
      client.update(500)
      client.write('\r\n') // an empty line in front of a request means nothing
    }
    client.write(REQUEST)
    await client.closed
    if (isFlood) t.equal(client.text, '', 'a little data in between does not help')
    else t.match(client.text, HELLO, '500 are no flood')
  }
  await proxy.stop()
  t.strictSame(natives()['SSL'], undefined)
})

test('an origin that floods us with key updates is cut off', async t => {
  const anchors = [root.certPem]
  const context = new OutboundContext({ anchors, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', alpn: [] })
  const server = new OriginEngine({ ...own, version: '1.3' })
  const engine = new OutboundEngine(context, { host: 'proxy.example', isAddress: false, sni: undefined })
  t.equal(shake(engine, server), 'established')
  const tcp = new FakeLink()
  const log = new SinkLog()
  const link = new TlsLink(tcp, engine, () => {})
  link.attach(log)
  t.teardown(() => {
    link.destroy()
    server.free()
    context.free()
  })
  const demand = (count: number): void => {
    for (let i = 0; i < count; i++) {
      server.demandAnswer('1.3')
      server.receive(tcp.sent())
      server.read()
      tcp.sink?.onData(server.take())
    }
  }
  for (let i = 0; i < 2; i++) {
    demand(450)
    server.write('data')
    tcp.sink?.onData(server.take())
  }
  t.same(log.said, ['data', 'data'], '900 are no flood')
  demand(200)
  t.same(log.said, ['data', 'data', 'close PTC_ORIGIN_CLOSED'])
  t.ok(tcp.isClosed)
})
