/**
 * Runs curl's own test suite with Portcullis as the proxy of every test whose servers speak HTTP:
 *
 *     node dist/test/suites/curl/run.js CURL-SOURCE CURL-BUILD [TEST...]
 *
 * The build is one by CMake with `-DENABLE_DEBUG=ON`, and its target `testdeps`.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { startProxy } from '../../kit/proxy.js'
import { EXCLUSIONS } from './exclusions.js'

const [source = '', build = ''] = process.argv.slice(2, 4).map(folder => resolve(folder))
const only = process.argv.slice(4).map(Number)
if (build === '') throw new Error("give the folders of curl's source and of its build")

const NORMALISER = resolve('test/suites/curl/through-proxy.pl')
const SERVERS = /^(?:http|https|http-ipv6|http\/2|https-mtls|\S+\.pem)$/
/** The test names a proxy of its own, or an address in the place of the origin's. */
const OWN_PROXY =
  /%PROXYPORT|%HTTPSPROXYPORT|%SOCKSPORT|%SOCKSUNIXPATH|--proxy|--socks|preproxy|_proxy=|(?:^|\s)-x[ %h]|(?:^|\s)-U |--unix-socket|--abstract|--haproxy|--noproxy|--connect-to|--interface|--local-port/im
const OWN_PROXY_IN_C =
  /CURLOPT_(?:PRE_)?PROXY\b|CURLOPT_NOPROXY|CURLOPT_CONNECT_TO|CURLOPT_UNIX_SOCKET|CURLOPT_OPENSOCKET|CURLOPT_HAPROXY/
/** Names that tests have curl resolve (`--resolve`); with a proxy it is the proxy that resolves them. */
const HOSTS =
  `foo.co.uk bar.co.uk mixedcase.com host-a.example.test host-b.example.test www.example.com foo.example.com
  server.example.curl host.corp.com google.com testserver.example.com example.com xn--4cab6c.se ftp.test host.evil.com
  curlmachine.localhost test31.curl test.curl this.hsts.example attack.invalid server1.example.com server2.example.com
  server3.example.com server4.example.com`.split(/\s+/)

const between = (text: string, part: string): string =>
  new RegExp(`<${part}>([\\s\\S]*?)</${part}>`).exec(text)?.[1] ?? ''

function isOurs(number: number): boolean {
  const text = readFileSync(join(source, `tests/data/test${number}`), 'latin1')
  const client = between(text, 'client')
  const servers = between(client, 'server').trim().split(/\s+/)
  if (!servers.every(server => SERVERS.test(server)) || OWN_PROXY.test(client)) return false
  const tool = between(client, 'tool').trim().replaceAll('%TESTNUMBER', `${number}`)
  const code = join(source, `tests/libtest/${tool}.c`)
  return tool === '' || !existsSync(code) || !OWN_PROXY_IN_C.test(readFileSync(code, 'latin1'))
}

const all = readdirSync(join(source, 'tests/data')).flatMap(name => /^test(\d+)$/.exec(name)?.[1] ?? [])
const chosen = only.length > 0 ? only : all.map(Number).filter(isOurs)
const proxy = await startProxy({
  hosts: HOSTS,
  records: {
    'proxy.config.http.connect_ports': '*',
    'proxy.config.http.connect.verify': 'tunnel', // curl verifies, and is tested for it
    'proxy.config.http.origin_max_idle': 0, // a server of the suite waits until its connection is closed
    'proxy.config.http.transaction_no_activity_timeout_out': 4,
  },
})
const args = ['-a', '-n', '-j4', '-L', NORMALISER, '-P', `http://127.0.0.1:${proxy.port}`, ...chosen]
const runner = spawn('perl', [join(source, 'tests/runtests.pl'), ...args.map(String)], {
  cwd: join(build, 'tests'),
  stdio: ['ignore', 'pipe', 'inherit'],
})
let output = ''
for await (const part of runner.stdout.setEncoding('latin1')) output += part as string
await proxy.stop()

const results = new Map<number, boolean>()
for (const [, number] of output.matchAll(/^test (\d+) \[.*\]\n\S+ OK \(/gm)) results.set(Number(number), true)
for (const number of /^TESTFAIL: .*?: ([\d ]+)$/m.exec(output)?.[1]?.trim().split(' ') ?? [])
  results.set(Number(number), false)
const excluded = new Set(EXCLUSIONS.flatMap(({ tests }) => tests))
const failed = [...results].filter(([, passed]) => !passed).map(([number]) => number)
const unexplained = failed.filter(number => !excluded.has(number)).sort((a, b) => a - b)
const passing = [...excluded].filter(number => results.get(number) === true)
console.log(`${chosen.length} tests chosen, ${results.size} run, ${results.size - failed.length} passed`)
console.log(
  `${failed.length - unexplained.length} failed as explained; not explained: ${unexplained.join(' ') || 'none'}`,
)
if (passing.length > 0) console.log(`excluded, and passed: ${passing.join(' ')}`)
for (const number of unexplained) {
  const at = output.search(new RegExp(`^ ${number}: .*FAILED`, 'm'))
  if (at >= 0) console.log(output.slice(at, at + 1500))
}
process.exitCode = unexplained.length === 0 ? 0 : 1
