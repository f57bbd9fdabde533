/** Clients that speak SOCKS 5. Longer than 250 lines because all of them share one client. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as bcrypt from '@node-rs/bcrypt'
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { addressBytes } from '../../core/base/network.js'
import { startBumping } from '../kit/bumping.js'
import { startChild } from '../kit/child.js'
import { type RawClient, rawClient } from '../kit/client.js'
import { type ConnectingOptions, httpsOrigin, startConnecting, testRoot } from '../kit/connecting.js'
import { curl } from '../kit/curl.js'
import { opensslOrigin } from '../kit/openssl-origin.js'
import { listen } from '../kit/tcp-server.js'
import { makeTempDir } from '../kit/temp-dir.js'

const HOST = 'www.origin.test'

const SOCKS = { 'proxy.config.http.server_ports': '0:socks:ip-in=127.0.0.1' } as const
const start = (t: Test, options: Partial<ConnectingOptions> = {}) =>
  startConnecting(t, { hosts: [HOST], ...options, records: { ...SOCKS, ...options.records } })

const GREETING = [5, 1, 0]
const nameOf = (host: string): number[] => [3, host.length, ...Buffer.from(host)]
const request = (at: readonly number[], port: number, command = 1): number[] => [
  5,
  command,
  0,
  ...at,
  port >> 8,
  port & 0xff,
]

async function client(t: Test, port: number): Promise<RawClient> {
  const made = await rawClient(port)
  t.teardown(made.stop)
  return made
}

/** All that the proxy has said, once there is that much of it, or it has ended. */
async function said(from: RawClient, bytes: number): Promise<number[]> {
  await from.until(() => from.isEnded || from.text().length >= bytes || undefined, `${bytes} bytes`)
  return [...Buffer.from(from.text(), 'latin1')]
}

/** The reply to a request, all sent at once. */
async function replyTo(t: Test, port: number, asked: readonly number[]): Promise<number | undefined> {
  const from = await client(t, port)
  from.send(Buffer.from([...GREETING, ...asked]))
  return (await said(from, 12))[3]
}

for (const mode of ['probe', 'bump', 'tunnel'] as const)
  test(`curl by SOCKS, ${mode}`, async t => {
    const origin = await httpsOrigin(t, HOST)
    const { proxy, gate, rootFile } = await startBumping(t, {
      hosts: [HOST],
      records: { ...SOCKS, 'proxy.config.http.connect.verify': mode },
    })
    for (const how of ['--socks5-hostname', '--socks5']) {
      const resolve = ['--resolve', `${HOST}:${origin.port}:127.0.0.1`]
      const { code, stdout, stderr } = await curl([
        ...['-sS', how, `127.0.0.1:${proxy.port}`, '--cacert', rootFile, '-k', ...resolve],
        `https://${HOST}:${origin.port}/`,
      ])
      t.equal(code, 0, `${how}: ${stderr}${proxy.output()}`)
      t.match(stdout, /hello from www\.origin\.test/)
    }
    t.ok(mode === 'tunnel' ? gate.asked.length === 0 : gate.asked.length > 0)
  })

test('the reply waits for the verdict, and a rejection is one', async t => {
  const leaf = await (await testRoot()).issue({ cn: HOST })
  const origin = await opensslOrigin(leaf)
  t.teardown(origin.stop)
  const { proxy, gate } = await start(t, { answer: () => undefined })
  const from = await client(t, proxy.port)
  from.send(Buffer.from([...GREETING, ...request(nameOf(HOST), origin.port)]))
  const event = await gate.parked()
  await sleep(150)
  t.same(await said(from, 2), [5, 0], 'nothing but the method')
  event.reenable(reject('revoked'))
  t.same((await said(from, 12)).slice(2, 4), [5, 2], 'not allowed')
  await from.ended()
  await origin.waitFor('fatal certificate_revoked')
  t.notOk(origin.received('Finished'))
})

test('what is asked for in other ways than by name', async t => {
  const origin = await httpsOrigin(t, HOST, '127.0.0.1', '::1')
  const { proxy } = await start(t, {
    records: { 'proxy.config.http.connect.verify': 'tunnel', 'proxy.config.http.connect_ports': '1-65535' },
  })
  const { port } = proxy
  t.equal(await replyTo(t, port, request([1, ...addressBytes('127.0.0.1')], origin.port)), 0)
  t.equal(await replyTo(t, port, request(nameOf('127.0.0.1'), origin.port)), 0)
  t.equal(await replyTo(t, port, request([1, 127, 0, 0, 1], 1)), 5, 'refused')
  t.equal(await replyTo(t, port, request([4, ...addressBytes('::1')], 1)), 5, 'IPv6')
  t.equal(await replyTo(t, port, request(nameOf('nowhere.invalid'), 1)), 4, 'no such host')
  t.equal(await replyTo(t, port, request(nameOf(HOST), origin.port, 2)), 7, 'BIND')
  t.equal(await replyTo(t, port, request(nameOf(HOST), origin.port, 3)), 7, 'UDP')
  t.equal(await replyTo(t, port, request([9, 1, 1], 1)), 8, 'another type of address')
  t.equal(await replyTo(t, port, request(nameOf('a b'), 1)), 1, 'no host name')
  t.equal(await replyTo(t, port, request(nameOf(HOST), 0)), 1, 'no port')
})

test('the rules for CONNECT hold', async t => {
  const origin = await httpsOrigin(t, HOST)
  const ports = await start(t, { records: { 'proxy.config.http.connect_ports': '443' } })
  t.equal(await replyTo(t, ports.proxy.port, request(nameOf(HOST), origin.port)), 2, 'connect_ports')
  const rules = 'ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.1, action: deny, methods: CONNECT}\n'
  const allow = await start(t, { files: { 'ip_allow.yaml': rules } })
  t.equal(await replyTo(t, allow.proxy.port, request(nameOf(HOST), origin.port)), 2, 'ip_allow.yaml')
  const deny = await start(t, { records: { 'proxy.config.http.deny_private_origins': 1 } })
  t.equal(await replyTo(t, deny.proxy.port, request(nameOf(HOST), origin.port)), 2, 'private addresses')
  const self = await start(t)
  t.equal(await replyTo(t, self.proxy.port, request([1, 127, 0, 0, 1], self.proxy.port)), 2, 'itself')
})

test('another protocol than TLS passes only where a rule says so', async t => {
  const { port, stop } = await listen(socket => socket.on('data', bytes => socket.write(`echo ${bytes}`)))
  t.teardown(stop)
  const send = async (rules: string): Promise<string> => {
    const { proxy } = await start(t, { files: { 'sni.yaml': rules } })
    const from = await client(t, proxy.port)
    from.send(Buffer.from([...GREETING, ...request(nameOf(HOST), port)]))
    await from.until(() => from.isEnded || from.text().length >= 12 || undefined, 'a reply')
    if (from.text().charCodeAt(3) !== 0) return `reply ${from.text().charCodeAt(3)}`
    from.send('SELECT 1\n')
    await from.until(() => from.isEnded || /SELECT/.test(from.text()) || undefined, 'an end or an echo')
    return from.text().slice(12)
  }
  t.notMatch(await send(''), /echo/, 'refused without one')
  t.equal(await send(`sni:\n- fqdn: ${HOST}\n  connect_verify: tunnel\n`), 'echo SELECT 1\n')
})

test('a name and a password', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const origin = await httpsOrigin(t, HOST)
  const { proxy, rootFile } = await start(t, {
    files: { htpasswd: `ann:${bcrypt.hashSync('s:ecret', 4)}\n` },
    records: {
      'proxy.config.http.proxy_auth.htpasswd': 'htpasswd',
      'proxy.config.log.logging_enabled': 3,
      'proxy.config.log.logfile_dir': dir.path,
    },
  })
  const by = (user: string) =>
    curl([
      ...['-sS', '--socks5-hostname', `${user}127.0.0.1:${proxy.port}`, '--cacert', rootFile],
      `https://${HOST}:${origin.port}/`,
    ])
  t.equal((await by('ann:s%3Aecret@')).code, 0, proxy.output())
  t.equal((await by('ann:wrong@')).code, 97)
  t.equal((await by('')).code, 97, 'no login at all')
  const login = (password: string): number[] => [
    1,
    3,
    ...Buffer.from('ann'),
    password.length,
    ...Buffer.from(password),
  ]
  const from = await client(t, proxy.port)
  for (const byte of [5, 2, 0, 2, ...login('s:ecret'), ...request(nameOf(HOST), origin.port)]) {
    from.send(Buffer.from([byte]))
    await sleep(1)
  }
  t.same((await said(from, 14)).slice(0, 6), [5, 2, 1, 0, 5, 0], 'byte by byte')
  const wrong = await client(t, proxy.port)
  wrong.send(Buffer.from([5, 1, 2, ...login('wrong'), ...request(nameOf(HOST), origin.port)]))
  t.same(await said(wrong, 100), [5, 2, 1, 1], 'no request is answered behind a wrong one')
  await proxy.stop()
  const log = readFileSync(join(dir.path, 'access.log'), 'utf8')
  t.match(log, new RegExp(`CONNECT ${HOST}:${origin.port} ann `))
  t.match(log, /\/407 /)
  t.notMatch(proxy.output() + log, /s:ecret/)
})

test('a reload between the login and the request counts', async t => {
  const origin = await httpsOrigin(t, HOST)
  const login = (name: string) => ({
    files: { htpasswd: `${name}:${bcrypt.hashSync('secret', 4)}\n` },
    records: { 'proxy.config.http.proxy_auth.htpasswd': 'htpasswd' } as const,
  })
  const { proxy } = await start(t, login('ann'))
  const from = await client(t, proxy.port)
  from.send(Buffer.from([5, 1, 2, 1, 3, ...Buffer.from('ann'), 6, ...Buffer.from('secret')]))
  t.same(await said(from, 4), [5, 2, 1, 0])
  const { records, ...more } = login('bob')
  const open = {
    ...SOCKS,
    'proxy.config.http.connect_ports': '*',
    'proxy.config.http.connect.verify': 'tunnel',
  } as const
  proxy.conf.write({ hosts: [HOST], ...more, records: { ...open, ...records } })
  await proxy.server.reload()
  from.send(Buffer.from(request(nameOf(HOST), origin.port)))
  t.same((await said(from, 6)).slice(4, 6), [5, 2], 'the name is gone')
})

test('negotiations that are none, slow, or too long', async t => {
  const { proxy } = await start(t, {
    records: { 'proxy.config.http.transaction_no_activity_timeout_in': 1 },
  })
  const answers = async (bytes: readonly number[] | string): Promise<number[]> => {
    const from = await client(t, proxy.port)
    from.send(typeof bytes === 'string' ? bytes : Buffer.from(bytes))
    await from.ended()
    return [...Buffer.from(from.text(), 'latin1')]
  }
  t.same(await answers('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'), [], 'HTTP')
  t.same(await answers([4, 1, 0, 80, 127, 0, 0, 1, 0]), [], 'SOCKS 4')
  t.same(await answers([5, 0]), [5, 255], 'no method')
  t.same(await answers([5, 2, 1, 2]), [5, 255], 'no method that is wanted')
  t.same(await answers([5, 255, 0]), [], 'a greeting that is never complete')
  t.same(await answers([...GREETING, 5, 1, 0, 3, 250, 65]), [5, 0], 'a request that is never complete')
  t.same(await answers([...GREETING, 5, 1, 7, 1]), [5, 0], 'a reserved byte that is not zero')
  t.same(await answers([]), [], 'nothing')
})

test('Python by hand, and openssl behind it', async t => {
  const origin = await httpsOrigin(t, HOST)
  const { proxy, rootFile } = await start(t)
  const script = `
import socket, ssl, sys
host, port, proxy, ca = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
s = socket.create_connection(('127.0.0.1', proxy))
s.sendall(b'\\x05\\x01\\x00')
assert s.recv(2) == b'\\x05\\x00'
s.sendall(b'\\x05\\x01\\x00\\x03' + bytes([len(host)]) + host.encode() + port.to_bytes(2, 'big'))
reply = s.recv(10)
assert reply[:2] == b'\\x05\\x00', reply
tls = ssl.create_default_context(cafile=ca).wrap_socket(s, server_hostname=host)
tls.sendall(b'GET / HTTP/1.0\\r\\nHost: ' + host.encode() + b'\\r\\n\\r\\n')
print(tls.recv(4096).split(b'\\r\\n')[0].decode(), tls.version())
`
  const child = await startChild('python3', [
    '-c',
    script,
    HOST,
    String(origin.port),
    String(proxy.port),
    rootFile,
  ])
  t.teardown(child.stop)
  t.equal(await child.exited(), 0, child.stderr())
  t.match(child.stdout(), /^HTTP\/1\.1 200 OK TLSv1\.3/)
})

test('a proxy that stops ends negotiations, and lets those end that go on', async t => {
  const { proxy } = await start(t)
  const [silent, going] = [await client(t, proxy.port), await client(t, proxy.port)]
  silent.send(Buffer.from(GREETING))
  await said(silent, 2)
  const since = performance.now()
  const stopped = proxy.server.stop(60_000)
  going.send(Buffer.from(GREETING))
  await said(going, 2)
  going.send(Buffer.from([5, 2, 0, 1, 127, 0, 0, 1, 0, 1]))
  await said(going, 12)
  going.end()
  await silent.ended()
  await stopped
  t.ok(performance.now() - since < 30_000)
})
