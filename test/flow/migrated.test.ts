/** Folders that `migrate` has written, in service: what was refused before is refused. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { migrate } from '../../core/migrate/migrate.js'
import { ProxyServer } from '../../core/program/proxy.js'
import { shippedPlugins } from '../core/migrate/kit.js'
import { get, rawClient } from '../kit/client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { SHIPPED } from '../kit/proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

const SQUID = `acl localnet src 127.0.0.0/255.0.0.0
acl good dstdomain "names.txt"
acl Safe_ports port 80 1024-65535
acl SSL_ports port 443
http_access deny !Safe_ports
http_access deny CONNECT !SSL_ports
http_access allow localnet Good
http_access deny all
http_port 127.0.0.1:3128
via off
`

const TRAFFIC_SERVER = {
  'records.yaml': 'records:\n  http:\n    server_ports: 8080\n  url_remap:\n    remap_required: 0\n',
  'ip_allow.yaml': `ip_allow:
  - { apply: in, ip_addrs: 127.0.0.1, action: allow, methods: [GET, HEAD] }
  - { apply: in, ip_addrs: 0/0, action: deny }
`,
}

interface Service {
  readonly port: number
  readonly origin: number
}

async function serve(t: Test, files: Readonly<Record<string, string>>): Promise<Service> {
  const temp = makeTempDir()
  t.teardown(temp.remove)
  for (const [name, text] of Object.entries(files)) temp.file(`from/${name}`, text)
  const [dir, to] = [join(temp.path, 'from'), join(temp.path, 'to')]
  const { isComplete, report } = migrate({ from: undefined, dir, to, shipped: shippedPlugins() })
  t.ok(isComplete, report)
  writeFileSync(join(to, 'hosts'), '127.0.0.1 a.good.example bad.example\n')
  const env = {
    PROXY_CONFIG_HTTP_SERVER_PORTS: '0:ip-in=127.0.0.1',
    PROXY_CONFIG_ADMIN_SOCKET: 'NULL',
    PROXY_CONFIG_HOSTDB_HOST_FILE_PATH: 'hosts',
  }
  const proxy = await ProxyServer.start({
    confDir: to,
    env,
    shippedDirs: SHIPPED,
    stripsTypes: false,
    print: () => undefined,
  })
  t.teardown(() => proxy.stop(0))
  const origin = await nodeOrigin({})
  t.teardown(origin.stop)
  return { port: proxy.ports[0]?.port ?? 0, origin: origin.port }
}

async function connectStatus(t: Test, port: number, target: string): Promise<number> {
  const client = await rawClient(port)
  t.teardown(client.stop)
  client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
  return (await client.response('CONNECT')).status
}

test('the rules of squid.conf', async t => {
  const { port, origin } = await serve(t, { 'squid.conf': SQUID, 'names.txt': '# allowed\n.good.example\n' })
  t.equal((await get(port, `http://a.good.example:${origin}/`)).status, 200, 'a name of the list')
  t.equal((await get(port, `http://bad.example:${origin}/`)).status, 403, 'another name')
  t.equal((await get(port, 'http://a.good.example:22/')).status, 403, 'a port that is not safe')
  t.equal(await connectStatus(t, port, `a.good.example:${origin}`), 403, 'a tunnel to another port than 443')
})

test('the rules of ip_allow.yaml', async t => {
  const { port, origin } = await serve(t, TRAFFIC_SERVER)
  t.equal((await get(port, `http://bad.example:${origin}/`)).status, 200)
  t.equal(await connectStatus(t, port, 'bad.example:443'), 403, 'a method that is not listed')
})
