/**
 * Runs testssl.sh against an `ssl` port and against the TLS inside a bumped tunnel, and prints what it finds that is not in order:
 *
 *     node dist/test/suites/testssl/run.js [PATH-OF-testssl.sh [ssl|bump]]
 *
 * It takes about four minutes for each.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer as createHttpsServer } from 'node:https'
import { join } from 'node:path'
import { createAuthority } from '../../../core/tls/inbound/authority.js'
import { makeAuthority } from '../../kit/pki.js'
import { startProxy } from '../../kit/proxy.js'
import { makeTempDir } from '../../kit/temp-dir.js'
import { tunnelsTo } from '../tunnels.js'

const [PROGRAM = 'testssl', only = ''] = process.argv.slice(2)
const ORIGIN = 'localhost'

interface Finding {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

const root = await makeAuthority({ name: 'Root' })
const leaf = await root.issue({ cn: ORIGIN, sans: [ORIGIN, '127.0.0.1'] })
const bump = await createAuthority('Bump CA')
const dir = makeTempDir()
const rootFile = dir.file('root.pem', root.certPem)
const bumpFile = dir.file('bump.pem', bump.certPem)

const origin = createHttpsServer({ cert: leaf.chainPem, key: leaf.keyPem }, (_, response) =>
  response.end('hello'),
)
await new Promise<void>(resolve => origin.listen(0, '127.0.0.1', resolve))
const address = origin.address()
const originPort = typeof address === 'object' && address !== null ? address.port : 0

const proxy = await startProxy({
  ca: root.certPem,
  hosts: [ORIGIN],
  records: {
    'proxy.config.http.server_ports': '0:ip-in=127.0.0.1 0:ssl:ip-in=127.0.0.1',
    'proxy.config.http.connect_ports': '*',
    'proxy.config.http.connect.verify': 'bump',
  },
  files: {
    'proxy.pem': leaf.chainPem,
    'proxy.key': leaf.keyPem,
    'ssl_multicert.config': 'ssl_cert_name=proxy.pem ssl_key_name=proxy.key\n',
    'bump-ca.pem': bump.certPem,
    'bump-ca.key': bump.keyPem,
  },
})
const [, securePort = ''] = await proxy.until(/listens on \S+:\d+\n(?:.*\n)*?.*listens on \S+:(\d+)/)

// With `--proxy`, some of its connections go to the origin directly.
const tunnels = await tunnelsTo(`${ORIGIN}:${originPort}`, proxy.port)

async function run(what: string, args: readonly string[]): Promise<void> {
  if (!what.includes(only)) return
  const json = join(dir.path, `${what}.json`)
  const all = ['--quiet', '--color', '0', '--warnings', 'batch', '--jsonfile', json, ...args]
  const text = await new Promise<string>(resolve => execFile(PROGRAM, all, (_, stdout) => resolve(stdout)))
  const findings = JSON.parse(readFileSync(json, 'utf8')) as readonly Finding[]
  const bad = findings.filter(({ severity }) => !['OK', 'INFO', 'DEBUG'].includes(severity))
  console.log(`${what}: ${findings.length} findings, ${bad.length} of them not in order`)
  for (const { id, severity, finding } of bad) console.log(`  ${severity} ${id}: ${finding}`)
  for (const line of text.split('\n'))
    if (/Overall Grade|Fatal|Final Score/.test(line)) console.log(`  ${line.trim()}`)
}

await run('ssl', ['--add-ca', rootFile, `127.0.0.1:${securePort}`])
await run('bump', ['--add-ca', bumpFile, '--ip', '127.0.0.1', `${ORIGIN}:${tunnels.port}`])
await tunnels.stop()
origin.closeAllConnections()
origin.close()
await proxy.stop()
dir.remove()
