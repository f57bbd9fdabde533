/**
 * Runs Node's own tests of its proxy client, `test/client-proxy`, with Portcullis in the place of their proxy:
 *
 *     node dist/test/suites/node/run.js FOLDER-OF-NODE'S-SOURCE
 *
 * The Node that runs this program is the client, and has to pass the tests without Portcullis. Tests that start no such proxy are left
 * out: they bring one that fails in some way, or none.
 */
import { cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startChild } from '../../kit/child.js'
import { startProxy } from '../../kit/proxy.js'
import { makeTempDir } from '../../kit/temp-dir.js'

const FRONT = fileURLToPath(new URL('./front.js', import.meta.url))

/** In the place of the module that starts their proxy; its other functions stay. */
const SHIM = `module.exports = {
  ...require('./proxy-server-original.js'),
  createProxyServer: require(${JSON.stringify(FRONT)}).createProxyServer,
}\n`

/** Tests that cannot pass, and why. */
const EXCLUDED = new Map(
  ['test-http-proxy-request-proxy-failure-500.mjs', 'test-http-request-proxy-post-server-failure.mjs'].map(
    name => [
      name,
      'expects the words and the log of their proxy about an origin that has ended the connection; here it is a 502',
    ],
  ),
)

const source = process.argv[2]
if (source === undefined) throw new Error("give the folder of Node's source")

const dir = makeTempDir()
const common = join(dir.path, 'test', 'common')
const keys = join(dir.path, 'test', 'fixtures', 'keys')
for (const part of ['client-proxy', 'common', 'fixtures'])
  cpSync(join(source, 'test', part), join(dir.path, 'test', part), { recursive: true })
renameSync(join(common, 'proxy-server.js'), join(common, 'proxy-server-original.js'))
writeFileSync(join(common, 'proxy-server.js'), SHIM)

const read = (name: string): string => readFileSync(join(keys, name), 'utf8')
const proxy = await startProxy({
  records: {
    'proxy.config.http.server_ports': '0:ip-in=127.0.0.1 0:ssl:ip-in=127.0.0.1',
    'proxy.config.http.connect_ports': '*',
    // Their origins wait until no connection is left.
    'proxy.config.http.origin_max_idle': 0,
    // The tests send plain HTTP through tunnels as well.
    'proxy.config.http.connect.verify.non_tls': 'tunnel',
    'proxy.config.http.connect.verify': 'tunnel',
  },
  files: {
    'proxy.pem': read('agent9-cert.pem'),
    'proxy.key': read('agent9-key.pem'),
    'ssl_multicert.config': 'ssl_cert_name=proxy.pem ssl_key_name=proxy.key\n',
  },
})
const [, securePort = ''] = await proxy.until(/listens on \S+:\d+\n(?:.*\n)*?.*listens on \S+:(\d+)/)
const env = {
  ...process.env,
  PORTCULLIS_PORT: `${proxy.port}`,
  PORTCULLIS_TLS_PORT: securePort,
  NODE_KEYS: keys,
}

const counts = { passed: 0, failed: 0, excluded: 0 }
const folder = join(dir.path, 'test', 'client-proxy')
for (const name of readdirSync(folder).filter(name => name.endsWith('.mjs'))) {
  const path = join(folder, name)
  const isThroughUs = /\bcreateProxyServer\b/.test(readFileSync(path, 'utf8'))
  if (!isThroughUs) continue
  const child = await startChild(process.execPath, [path], { env })
  const code = await child.exited(60_000).catch(() => 'not ended')
  await child.stop()
  const why = EXCLUDED.get(name)
  const result = code === 0 ? 'passed' : why === undefined ? 'failed' : 'excluded'
  counts[result] += 1
  console.log(`${result} ${name}${result === 'excluded' ? `: ${why}` : ''}`)
  if (result === 'failed') console.log(child.stdout() + child.stderr())
}
console.log(`Node ${process.version}: ${JSON.stringify(counts)}`)
await proxy.stop()
dir.remove()
process.exitCode = counts.failed === 0 ? 0 : 1
