/**
 * Runs h2spec against an `ssl` port and against the inside of bumped tunnels, and compares what fails with what is explained:
 *
 *     node dist/test/suites/h2spec/run.js [PATH-OF-h2spec [ssl|bump]]
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import { join } from 'node:path'
import { createAuthority } from '../../../core/tls/inbound/authority.js'
import { makeAuthority } from '../../kit/pki.js'
import { startProxy } from '../../kit/proxy.js'
import { guardServer } from '../../kit/tcp-server.js'
import { makeTempDir } from '../../kit/temp-dir.js'
import { tunnelsTo } from '../tunnels.js'

const [PROGRAM = 'h2spec', only = ''] = process.argv.slice(2)
/** 127.0.0.1 for h2spec, which finds the tunnels there; the proxy finds the origin, on the same port. */
const ORIGIN = 'localhost'
const ORIGIN_ADDRESS = '127.0.0.2'
const OF_NGHTTP2 = 'nghttp2 ignores frames on a closed stream'

/** What cannot pass, and why. */
const EXPLAINED: Readonly<Record<string, string>> = {
  'http2/5.1 closed: Sends a DATA frame after sending RST_STREAM frame': OF_NGHTTP2,
  'http2/5.1 closed: Sends a HEADERS frame after sending RST_STREAM frame': OF_NGHTTP2,
  'http2/5.1 closed: Sends a DATA frame': OF_NGHTTP2,
  'http2/5.1 closed: Sends a HEADERS frame': OF_NGHTTP2,
  'http2/5.1.1 Sends stream identifier that is numerically smaller than previous': OF_NGHTTP2,
  'http2/6.7 Sends a PING frame with ACK': 'node:http2 ends the connection',
  'http2/6.9.1 Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1':
    'nghttp2 ends the connection by a GOAWAY with another code',
}

const root = await makeAuthority({ name: 'Root' })
const leaf = await root.issue({ cn: ORIGIN, sans: [ORIGIN, '127.0.0.1'] })
const bump = await createAuthority('Bump CA')
const dir = makeTempDir()
const server = createSecureServer({ cert: leaf.chainPem, key: leaf.keyPem, allowHTTP1: true }, (req, res) => {
  req.on('error', () => {})
  res.on('error', () => {})
  res.end('hello')
})
const origin = await guardServer(server, { host: ORIGIN_ADDRESS, port: 0 })
const proxy = await startProxy({
  ca: root.certPem,
  hosts: [],
  records: {
    'proxy.config.http.server_ports': '0:ip-in=127.0.0.1 0:ssl:ip-in=127.0.0.1',
    'proxy.config.http.connect_ports': '*',
    'proxy.config.http.connect.verify': 'bump',
  },
  files: {
    hosts: `${ORIGIN_ADDRESS} ${ORIGIN}\n`,
    'proxy.pem': leaf.chainPem,
    'proxy.key': leaf.keyPem,
    'ssl_multicert.config': 'ssl_cert_name=proxy.pem ssl_key_name=proxy.key\n',
    'bump-ca.pem': bump.certPem,
    'bump-ca.key': bump.keyPem,
  },
})
const [, securePort = ''] = await proxy.until(/listens on \S+:\d+\n(?:.*\n)*?.*listens on \S+:(\d+)/)
const tunnels = await tunnelsTo(`${ORIGIN}:${origin.port}`, proxy.port, origin.port)

async function run(what: string, host: string, port: number): Promise<void> {
  if (!what.includes(only)) return
  const report = join(dir.path, `${what}.xml`)
  const args = ['-t', '-k', '-h', host, '-p', String(port), '-o', '5', '-j', report]
  await new Promise<void>(resolve => execFile(PROGRAM, args, () => resolve()))
  const cases = casesOf(readFileSync(report, 'utf8'))
  const failed = cases.filter(({ hasFailed }) => hasFailed).map(({ name }) => name)
  const unexplained = failed.filter(name => !Object.hasOwn(EXPLAINED, name))
  console.log(
    `${what}: ${cases.length} tests, ${cases.length - failed.length} passed, ${failed.length} failed`,
  )
  for (const name of failed) console.log(`  ${EXPLAINED[name] ?? 'NOT EXPLAINED'}: ${name}`)
  if (cases.length === 0 || unexplained.length > 0) process.exitCode = 1
}

/** Of a report in JUnit's form. */
function casesOf(xml: string): readonly { readonly name: string; readonly hasFailed: boolean }[] {
  return [
    ...xml.matchAll(/<testcase package="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs),
  ].map(([, section = '', title = '', body = '']) => ({
    name: `${section} ${title}`,
    hasFailed: /<(?:failure|error)/.test(body),
  }))
}

await run('ssl', '127.0.0.1', Number(securePort))
await run('bump', ORIGIN, tunnels.port)
await tunnels.stop()
await proxy.stop()
await origin.stop()
dir.remove()
