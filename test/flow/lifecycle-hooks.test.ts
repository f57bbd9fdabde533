import { test } from 'tap'
import { curl } from '../kit/curl.js'
import { HookGate } from '../kit/gate.js'
import { origin, secureProxy } from '../kit/secure-proxy.js'

const url = `http://origin.example:${origin.port}/`

test('lifecycle hooks follow the life of the proxy and of each transaction', async t => {
  const gate = new HookGate({
    TS_LIFECYCLE_PORTS_READY_HOOK: () => {},
    TS_HTTP_TXN_CLOSE_HOOK: () => {},
    TS_LIFECYCLE_SHUTDOWN_HOOK: () => {},
  })
  const { proxy, port } = await secureProxy(t, [gate], {
    records: {
      'proxy.config.http.server_ports': '0:ip-in=127.0.0.1',
      'proxy.config.http.connect_ports': '443',
    },
  })
  const via = ['-sS', '-x', `http://127.0.0.1:${port}`]
  t.same(gate.of('TS_LIFECYCLE_PORTS_READY_HOOK'), [{ ports: [{ address: '127.0.0.1', port }] }])

  await curl([...via, url])
  t.match(await gate.next('TS_HTTP_TXN_CLOSE_HOOK', 0), {
    ...{ method: 'GET', url, status: 200, clientAddress: '127.0.0.1', error: undefined },
    bytesDown: `hello from origin.example:${origin.port}\n`.length,
  })
  await curl([...via, 'http://127.0.0.1:1/'])
  t.match(await gate.next('TS_HTTP_TXN_CLOSE_HOOK', 1), { status: 502, error: /^PTC_/ })
  await curl([...via, '-p', 'http://origin.example:81/'])
  t.match(await gate.next('TS_HTTP_TXN_CLOSE_HOOK', 2), { method: 'CONNECT', error: /^PTC_/ })
  t.equal(gate.of('TS_HTTP_TXN_CLOSE_HOOK').length, 3, 'once each')

  await proxy.server.reload()
  t.equal(gate.of('TS_LIFECYCLE_PORTS_READY_HOOK').length, 2, 'plugins of a reload hear of open ports')
  await proxy.server.stop(10)
  await proxy.server.stop(0)
  t.same(gate.of('TS_LIFECYCLE_SHUTDOWN_HOOK'), [{ grace: 10 }], 'once')
})
