/** What a reload says, what it leaves alone, and which idle connections it closes. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'tap'
import { get } from '../kit/client.js'
import { dnsServer } from '../kit/dns-server.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { type ProxyConf, startProxyHere } from '../kit/proxy.js'
import { secureProxy } from '../kit/secure-proxy.js'

const HOST = 'a.test'

test('a record that needs a restart keeps its value, and the reload names it', async t => {
  const proxy = await startProxyHere({})
  t.teardown(proxy.stop)
  const ports = { 'proxy.config.http.server_ports': '0:ip-in=127.0.0.1 0:ssl:ip-in=127.0.0.1' } as const
  proxy.conf.write({ records: ports })
  for (let i = 1; i <= 2; i++) {
    t.match(await proxy.server.reload(), [/records\.config:\d+: proxy\.config\.http\.server_ports$/])
    const said = proxy.output().match(/WARNING: .*server_ports has changed: it needs a restart/g)
    t.equal(said?.length, i, 'each reload says it')
  }
  proxy.conf.write({})
  t.strictSame(await proxy.server.reload(), [])
})

test('an ssl port goes on when a reload takes it out of the records', async t => {
  const { proxy, client } = await secureProxy(t, [])
  proxy.conf.write({ hosts: ['origin.example'] })
  t.match(await proxy.server.reload(), [/server_ports$/])
  t.match((await client()).body, /^hello/)
})

test('a reload that fails changes nothing, debug tags included, and is logged', async t => {
  const server = await nodeOrigin()
  t.teardown(server.stop)
  const conf: ProxyConf = { hosts: [HOST], records: { 'proxy.config.proxy_name': 'one' } }
  const proxy = await startProxyHere(conf)
  t.teardown(proxy.stop)
  proxy.conf.write({
    ...conf,
    records: {
      'proxy.config.proxy_name': 'two',
      'proxy.config.diags.debug.enabled': 1,
      'proxy.config.diags.debug.tags': '.',
    },
    plugins: ['missing.so'],
  })
  await t.rejects(proxy.server.reload(), { code: 'PTC_PLUGIN_NOT_FOUND' })
  t.match(
    proxy.output(),
    /ERROR: reload failed, the old configuration goes on\n.*ERROR: PTC_PLUGIN_NOT_FOUND/,
  )
  t.equal((await get(proxy.port, `http://${HOST}:${server.port}/`)).status, 200)
  t.match(server.requests[0]?.headers.via, /one-/)
  t.notMatch(proxy.output(), /DIAG:/)
})

test('a host file that names another address reaches idle connections', async t => {
  const server = await nodeOrigin({ keepAliveTimeout: 60_000 })
  t.teardown(server.stop)
  const conf: ProxyConf = { hosts: [HOST] }
  const proxy = await startProxyHere(conf)
  t.teardown(proxy.stop)
  const url = `http://${HOST}:${server.port}/`
  t.equal((await get(proxy.port, url)).status, 200)
  proxy.conf.write({ ...conf, files: { hosts: `127.0.0.1 localhost b.test\n127.0.0.9 ${HOST}\n` } })
  await proxy.server.reload()
  await server.until(() => (server.openConnections === 0 ? true : undefined), 'the connection to be closed')
  t.equal((await get(proxy.port, url)).status, 502, 'nothing listens there')
})

test('an address that a name has no longer reaches idle connections', async t => {
  let address = '127.0.0.1'
  const dns = await dnsServer(() => ({ addresses: [address], ttl: 1 }))
  t.teardown(dns.stop)
  const server = await nodeOrigin({ keepAliveTimeout: 60_000 })
  t.teardown(server.stop)
  const proxy = await startProxyHere({
    records: {
      'proxy.config.dns.nameservers': dns.address,
      'proxy.config.dns.search_default_domains': 0,
    },
  })
  t.teardown(proxy.stop)
  const at = (port: number): string => `http://moving.example-domain.test:${port}/`
  t.equal((await get(proxy.port, at(server.port))).status, 200)
  address = '127.0.0.9'
  t.equal((await get(proxy.port, at(server.port))).status, 200, 'what is not known changes nothing')
  await new Promise(resolve => setTimeout(resolve, 1200))
  const moved = createServer((_, response) => response.end('moved')).listen(0, '127.0.0.9')
  t.teardown(() => moved.close())
  await once(moved, 'listening')
  const { port } = moved.address() as AddressInfo
  t.match(
    (await get(proxy.port, at(port))).body.toString(),
    'moved',
    'another connection learns of the address',
  )
  t.equal((await get(proxy.port, at(server.port))).status, 502, 'and the idle one is not used any more')
})
