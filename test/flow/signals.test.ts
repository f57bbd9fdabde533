/** SIGHUP and SIGTERM while a handshake is parked, on the program as it is started. */
import { type Test, test } from 'tap'
import { get, rawClient, requestText } from '../kit/client.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ChildProxy, type ProxyConf, startProxy } from '../kit/proxy.js'

const HOSTS = ['fast.test', 'slow.test'] as const
const DELAY = 1500
const plugin = (fates: string) => `async_verify.so ${fates} delay_ms=${DELAY}`

interface Stage {
  readonly proxy: ChildProxy
  readonly origin: NodeOrigin
  readonly conf: ProxyConf
  readonly fast: string
  readonly slow: string
}

async function setUp(t: Test): Promise<Stage> {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await nodeOrigin({ tls: await root.issue({ cn: 'both', sans: HOSTS }) })
  t.teardown(origin.stop)
  const conf: ProxyConf = {
    plugins: [plugin('delay=slow.test')],
    hosts: HOSTS,
    ca: root.certPem,
    records: {
      'proxy.config.diags.debug.enabled': 1,
      'proxy.config.diags.debug.tags': 'ssl|async_verify',
    },
  }
  const proxy = await startProxy(conf)
  t.teardown(proxy.stop)
  const [fast, slow] = HOSTS.map(host => `https://${host}:${origin.port}/`) as [string, string]
  return { proxy, origin, conf, fast, slow }
}

const parked = (proxy: ChildProxy) => proxy.until(/handshake with slow\.test parked/)

test('SIGHUP: new plugins for new handshakes, the old ones for what they hold', async t => {
  const { proxy, origin, conf, fast, slow } = await setUp(t)
  t.equal((await get(proxy.port, fast)).status, 200)
  const held = get(proxy.port, slow)
  await parked(proxy)
  await proxy.reload({ ...conf, plugins: [plugin('block=fast.test,slow.test')] })
  for (const url of [fast, slow]) t.equal((await get(proxy.port, url)).status, 502, 'the new plugin rejects')
  const { status, ms } = await held
  t.equal(status, 200, 'the old plugin accepts what it held')
  t.ok(ms >= DELAY)
  t.equal((await get(proxy.port, slow)).status, 502)
  t.equal(origin.requests.length, 2)
  await proxy.reload(conf)
  t.equal((await get(proxy.port, fast)).status, 200, 'and back again')
})

test('SIGTERM: what is running finishes, nothing new is taken, the status is 0', async t => {
  const { proxy, slow } = await setUp(t)
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  client.send(requestText(slow))
  await parked(proxy)
  proxy.child.kill('SIGTERM')
  await proxy.until(/portcullis got SIGTERM/)
  await t.rejects(rawClient(proxy.port), { code: 'ECONNREFUSED' })
  const { status, header } = await client.response()
  t.equal(status, 200)
  t.equal(header('connection'), 'close', 'the client is told')
  t.equal(await proxy.child.exited(3000), 0)
  t.notMatch(proxy.output(), /ERROR|FATAL/)
})
