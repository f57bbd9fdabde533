/** Clients that a relay announces by the PROXY protocol. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { headerBytes } from '../../core/vconn/proxy-protocol.js'
import { startChild } from '../kit/child.js'
import { type RawClient, rawClient } from '../kit/client.js'
import { type ConnectingOptions, httpsOrigin, startConnecting, testRoot } from '../kit/connecting.js'
import { curl } from '../kit/curl.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { freePort } from '../kit/tcp-server.js'
import { makeTempDir } from '../kit/temp-dir.js'

const HOST = 'www.origin.test'
const CLIENT = '192.0.2.7'
/** Only the client that is announced may use the proxy, and not the relay. */
const ALLOW = `ip_allow:\n  - {apply: in, ip_addrs: ${CLIENT}, action: allow, methods: ALL}\n`

function start(t: Test, more: Partial<ConnectingOptions> = {}, keywords = 'pp') {
  return startConnecting(t, {
    hosts: [HOST],
    ...more,
    files: { 'ip_allow.yaml': ALLOW, ...more.files },
    records: {
      'proxy.config.http.server_ports': `0:${keywords}:ip-in=127.0.0.1`,
      'proxy.config.http.proxy_protocol_allowlist': '127.0.0.1',
      ...more.records,
    },
  })
}

const ends = (remoteAddress: string) => ({
  remoteAddress,
  remotePort: 40_000,
  localAddress: '198.51.100.1',
  localPort: 3128,
  tlvs: Buffer.from([0x02, 0, 1, 0x61]),
})
const V1 = headerBytes(1, ends(CLIENT))
const V2 = headerBytes(2, ends(CLIENT))
const LOCAL = Buffer.from([...V2.subarray(0, 12), 0x20, 0, 0, 0])

async function plainOrigin(t: Test): Promise<string> {
  const origin = await nodeOrigin({})
  t.teardown(origin.stop)
  return `http://${HOST}:${origin.port}/`
}

async function sent(t: Test, port: number, ...parts: readonly (string | Uint8Array)[]): Promise<RawClient> {
  const client = await rawClient(port)
  t.teardown(client.stop)
  for (const part of parts) client.send(part)
  return client
}

const ask = (url: string): string => `GET ${url} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`

test('plugins, ip_allow.yaml and the log see the address that was announced', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const origin = await httpsOrigin(t, HOST)
  const { proxy, gate } = await start(t, {
    records: {
      'proxy.config.log.logging_enabled': 3,
      'proxy.config.log.logfile_dir': dir.path,
    },
  })
  for (const header of [V1, V2]) {
    const client = await sent(t, proxy.port, header, ask(`https://${HOST}:${origin.port}/`))
    t.equal((await client.response()).status, 200)
  }
  t.equal(gate.asked[0]?.client?.address, CLIENT)
  const other = await sent(t, proxy.port, headerBytes(2, ends('192.0.2.8')), ask(`https://${HOST}/`))
  t.equal((await other.response()).status, 403)
  const local = await sent(t, proxy.port, LOCAL, ask(`https://${HOST}/`))
  t.equal((await local.response()).status, 403, 'LOCAL is the relay itself, which may not use the proxy')
  await proxy.stop()
  const log = readFileSync(join(dir.path, 'access.log'), 'utf8')
  t.match(log, new RegExp(` ${CLIENT} .*/200 `))
  t.match(log, / 192\.0\.2\.8 .*\/403 /)
  t.match(log, / 127\.0\.0\.1 .*\/403 /)
})

test('a header in pieces, and with what follows in one segment', async t => {
  const url = await plainOrigin(t)
  const { proxy } = await start(t)
  for (const header of [V1, V2]) {
    for (let i = 1; i < header.length; i++) {
      const client = await sent(t, proxy.port, header.subarray(0, i))
      await sleep(1)
      client.send(Buffer.concat([header.subarray(i), Buffer.from(ask(url))]))
      t.equal((await client.response()).status, 200, `split at ${i}`)
      client.stop()
    }
    const client = await sent(t, proxy.port, header, ask(url))
    t.equal((await client.response()).status, 200)
    client.send(ask(url))
    t.equal((await client.response()).status, 200, 'the connection goes on')
  }
})

test('what is no header closes the connection without a word', async t => {
  const url = await plainOrigin(t)
  const { proxy } = await start(t, {
    records: { 'proxy.config.http.transaction_no_activity_timeout_in': 1 },
  })
  const unix = Buffer.from([...V2.subarray(0, 12), 0x21, 0x31, 0, 216, ...Array<number>(216).fill(0)])
  const summed = Buffer.concat([V2, Buffer.from([3, 0, 4, 1, 2, 3, 4])])
  summed.writeUInt16BE(summed.length - 16, 14)
  for (const [what, bytes] of Object.entries({
    'no header': ask(url),
    'an unknown family': 'PROXY TCP5 a b 1 2\r\n',
    'a line without end': `PROXY TCP4 ${'1'.repeat(200)}`,
    'too many bytes': Buffer.from([...V2.subarray(0, 14), 0xff, 0xff]),
    UNIX: unix,
    'a wrong checksum': Buffer.concat([summed, Buffer.from(ask(url))]),
    'half a header': V2.subarray(0, 20),
    nothing: '',
  })) {
    const client = await sent(t, proxy.port, bytes)
    await client.ended()
    t.equal(client.text(), '', what)
  }
})

test('relays that are not listed are closed, and without a list all are', async t => {
  const url = await plainOrigin(t)
  for (const list of ['192.0.2.0/24', null]) {
    const { proxy } = await start(t, { records: { 'proxy.config.http.proxy_protocol_allowlist': list } })
    const client = await sent(t, proxy.port, V1, ask(url))
    await client.ended()
    t.equal(client.text(), '', String(list))
    t.equal(/ports with pp take no connection/.test(proxy.output()), list === null)
  }
})

test('behind the header TLS and SOCKS are as ever', async t => {
  const url = await plainOrigin(t)
  const leaf = await (await testRoot()).issue({ cn: 'proxy.test' })
  const secure = await start(
    t,
    { files: { 'ssl_multicert.config': 'ssl_cert_name=one.pem\n', 'one.pem': leaf.chainPem + leaf.keyPem } },
    'ssl:pp',
  )
  const client = await sent(t, secure.proxy.port, V2)
  const inside = await client.secure({ rejectUnauthorized: false, servername: 'proxy.test' })
  inside.send(ask(url))
  t.equal((await inside.response()).status, 200)

  const origin = await httpsOrigin(t, HOST)
  const socks = await start(t, {}, 'socks:pp')
  const name = [3, HOST.length, ...Buffer.from(HOST), origin.port >> 8, origin.port & 0xff]
  const by = await sent(t, socks.proxy.port, V1, Buffer.from([5, 1, 0, 5, 1, 0, ...name]))
  await by.until(() => by.text().length >= 12 || undefined, 'a reply')
  t.equal(by.text().charCodeAt(3), 0)
})

test('connections are counted by the client that was announced', async t => {
  const url = await plainOrigin(t)
  const { proxy } = await start(t, {
    files: { 'ip_allow.yaml': ALLOW.replace(CLIENT, '192.0.2.0/24') },
    records: { 'proxy.config.net.per_client.max_connections_in': 1 },
  })
  const status = async (address: string): Promise<number | undefined> => {
    const client = await sent(t, proxy.port, headerBytes(1, ends(address)), ask(url))
    return client.response().then(
      answer => answer.status,
      () => undefined,
    )
  }
  t.same([await status('192.0.2.1'), await status('192.0.2.2')], [200, 200])
  t.same(await status('192.0.2.1'), undefined, 'the second of one client')
})

test('curl announces itself, and haproxy its clients', async t => {
  const origin = await httpsOrigin(t, HOST)
  const url = `https://${HOST}:${origin.port}/`
  const { proxy, rootFile, gate } = await start(t, {
    files: { 'ip_allow.yaml': ALLOW.replace(CLIENT, '127.0.0.0/8') },
  })
  const through = (port: number, ...more: string[]) =>
    curl(['-sS', ...more, '-x', `http://127.0.0.1:${port}`, '--cacert', rootFile, url])
  const plain = await plainOrigin(t)
  const own = await curl([
    ...['-sS', '-i', '--haproxy-protocol', '--request-target', plain],
    `http://127.0.0.1:${proxy.port}/`,
  ])
  t.match(own.stdout, /^HTTP\/1\.1 200 /, own.stderr)
  const dir = makeTempDir()
  t.teardown(dir.remove)
  for (const how of ['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options crc32c,unique-id']) {
    const port = await freePort()
    const config = dir.file(
      `${port}.cfg`,
      `defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen relay
  bind 127.0.0.1:${port}
  server proxy 127.0.0.1:${proxy.port} ${how}
`,
    )
    const relay = await startChild('haproxy', ['-db', '-f', config])
    t.teardown(relay.stop)
    await sleep(500)
    const { code, stdout, stderr } = await through(port, '--interface', '127.0.0.5')
    t.equal(code, 0, `${how}: ${stderr}${relay.stderr()}`)
    t.match(stdout, /hello from/)
  }
  t.equal(gate.asked[0]?.client?.address, '127.0.0.5')
})
