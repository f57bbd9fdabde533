/** CONNECT in bump mode: the client's TLS ends at the proxy, and waits for the origin's verdict. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { ProxyServer } from '../../core/program/proxy.js'
import { BUMP, type Bumping, startBumping } from '../kit/bumping.js'
import { startChild } from '../kit/child.js'
import { realHello } from '../kit/client-hellos.js'
import { type ConnectingOptions, httpsOrigin } from '../kit/connecting.js'
import { liveHandshakes } from '../kit/handshakes.js'
import { makeConfDir, placeFor } from '../kit/proxy.js'

const HOST = 'www.google.com'
const OTHER = 'www.yahoo.com'
const start = (t: Test, options: Partial<ConnectingOptions> = {}): Promise<Bumping> =>
  startBumping(t, { hosts: [HOST], ...options })

for (const [version, flags] of [
  ['TLS 1.2', ['--tls-max', '1.2']],
  ['TLS 1.3', ['--tlsv1.3']],
] as const) {
  test(`curl is served by the proxy, over a connection that was verified, ${version}`, async t => {
    const { browse, gate, proxy } = await start(t)
    const origin = await httpsOrigin(t, HOST)
    const url = `https://${HOST}:${origin.port}`
    const { code, stdout, stderr } = await browse(...flags, `${url}/a`, `${url}/b`)
    t.equal(code, 0, stderr)
    t.equal(stdout.match(/hello from www\.google\.com/g)?.length, 2)
    t.equal(gate.asked.length, 1)
    t.equal(origin.connections, 1, 'the verified connection is the one that is used')
    t.strictSame(gate.sent, [`GET ${url}/a`, `GET ${url}/b`])
    await browse(...flags, `${url}/c`)
    t.equal(origin.connections, 1, 'by the next client as well')
    await proxy.stop()
    t.equal(liveHandshakes(), 0)
  })
}

test("in bump mode the client's handshake waits for the verdict", async t => {
  const { open, gate, trusted } = await start(t, { answer: () => undefined })
  const origin = await httpsOrigin(t, HOST)
  const { client } = await open(`${HOST}:${origin.port}`)
  const secured = client.secure({ servername: HOST, ca: trusted })
  const event = await gate.parked()
  let isSecured = false
  secured.then(
    () => {
      isSecured = true
    },
    () => undefined,
  )
  await sleep(200)
  t.notOk(isSecured)
  t.equal(client.pending().length, 0, 'not a byte of a ServerHello')
  event.reenable()
  const inside = await secured
  inside.send(`GET / HTTP/1.1\r\nHost: ${HOST}:${origin.port}\r\n\r\n`)
  t.equal((await inside.response()).status, 200)
})

test('no certificate is minted for an origin that is refused: an alert, and a line in the log', async t => {
  const { browse, proxy } = await start(t, {
    answer: event => void event.reenable(reject('revoked', 'seen on a list')),
  })
  const origin = await httpsOrigin(t, HOST)
  const { code, stdout, stderr } = await browse(`https://${HOST}:${origin.port}/any`)
  t.equal(code, 35, stdout)
  t.match(stderr, /alert access denied/)
  await origin.until(() => origin.failures[0], 'the alert')
  t.match(origin.failures, [/ALERT_CERTIFICATE_REVOKED$/])
  t.equal(origin.requests.length, 0)
  await proxy.until(/refused or cut: PTC_VERIFY_REJECTED: .*seen on a list/)
})

test('a rejection is a page inside TLS when a minted certificate is at hand', async t => {
  let isAccepted = true
  const { browse, proxy } = await start(t, {
    answer: event => void event.reenable(isAccepted ? undefined : reject('revoked', 'seen on a list')),
  })
  const before = await httpsOrigin(t, HOST)
  t.match((await browse(`https://${HOST}:${before.port}/`)).stdout, /hello from/)
  isAccepted = false
  const origin = await httpsOrigin(t, HOST)
  const { code, stdout, stderr } = await browse(
    '-X',
    'POST',
    '-d',
    'x=1',
    `https://${HOST}:${origin.port}/any`,
  )
  t.equal(code, 0, stderr)
  t.match(stdout, /HTTP\/1\.1 200 Connection established[\s\S]*HTTP\/1\.1 502 Bad Gateway/)
  t.match(stdout, /Proxy-Status: portcullis; error=tls_certificate_error.*by=plugin/)
  t.match(stdout, /seen on a list/)
  await origin.until(() => origin.failures[0], 'the alert')
  t.match(origin.failures, [/ALERT_CERTIFICATE_REVOKED$/])
  t.equal(origin.requests.length, 0)
  t.notMatch(proxy.output(), /refused or cut/, 'the client has been told')
})

test('in bump mode a deadline or a missing origin ends in an alert', async t => {
  const { browse, proxy } = await start(t, {
    answer: () => undefined,
    records: { 'proxy.config.ssl.client.verify.deadline': 100 },
  })
  const origin = await httpsOrigin(t, HOST)
  t.match((await browse(`https://${HOST}:${origin.port}/`)).stderr, /alert access denied/)
  await proxy.until(/refused or cut: PTC_VERIFY_TIMEOUT/)
  t.match((await browse('https://nowhere.invalid/')).stderr, /alert internal error/)
  await proxy.until(/refused or cut: PTC_DNS_FAILED/)
})

test('a client that leaves while its origin is parked ends the handshake', async t => {
  const { ask, gate, proxy } = await start(t, { answer: () => undefined })
  const origin = await httpsOrigin(t, HOST)
  const client = await ask(`${HOST}:${origin.port}`, await realHello({ servername: HOST }))
  const event = await gate.parked()
  client.stop()
  await gate.until(() => event.signal.aborted || undefined, 'the signal')
  await gate.allClosed()
  await origin.until(() => (origin.openConnections === 0 ? true : undefined), 'the origin to be left')
  await proxy.stop()
  t.equal(liveHandshakes(), 0)
})

test('a shutdown waits for parked handshakes and not for idle connections', async t => {
  const held: (() => unknown)[] = []
  const { open, gate, proxy, trusted } = await start(t, {
    hosts: [HOST, OTHER],
    answer: ({ host, reenable }) => void (host === HOST ? reenable() : held.push(reenable)),
  })
  const origin = await httpsOrigin(t, HOST, OTHER)
  const connect = async (host: string) => {
    const { client } = await open(`${host}:${origin.port}`)
    return client.secure({ servername: host, ca: trusted })
  }
  const request = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}:${origin.port}\r\n\r\n`
  const idle = await connect(HOST)
  idle.send(request(HOST))
  t.equal((await idle.response()).status, 200)
  const parked = connect(OTHER)
  await gate.until(() => held[0], 'the question')
  const begin = performance.now()
  const stopped = proxy.server.stop(20_000)
  await idle.ended()
  held[0]?.()
  const late = await parked
  late.send(request(OTHER))
  const response = await late.response()
  t.equal(response.status, 200)
  t.equal(response.header('connection'), 'close')
  late.stop()
  await stopped
  t.ok(performance.now() - begin < 10_000, 'long before its time was up')
  t.equal(liveHandshakes(), 0)
})

test('in bump mode clients are offered HTTP/1.1 alone', async t => {
  const { open, proxy, trusted } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  const both = await open(`${HOST}:${origin.port}`)
  const inside = await both.client.secure({
    servername: HOST,
    ca: trusted,
    ALPNProtocols: ['h2', 'http/1.1'],
  })
  t.equal(inside.socket.alpnProtocol, 'http/1.1')
  const only = await open(`${HOST}:${origin.port}`)
  const cause: unknown = await only.client
    .secure({ servername: HOST, ca: trusted, ALPNProtocols: ['h2'] })
    .catch((e: unknown) => e)
  t.match(cause, { code: /NO_APPLICATION_PROTOCOL$/ })
  await proxy.until(/refused or cut: PTC_CLIENT_HANDSHAKE/)
})

test('a client that does not trust the authority is noticed', async t => {
  const { curl, proxy } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  t.equal((await curl(`https://${HOST}:${origin.port}/`)).code, 60)
  await proxy.until(/PTC_CLIENT_HANDSHAKE: .*alert 48/)
})

test('bytes that are no TLS do not pass a bumped CONNECT', async t => {
  const { ask, proxy, gate } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  const client = await ask(`${HOST}:${origin.port}`, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await client.response('CONNECT')).status, 200)
  await client.ended()
  await proxy.until(/refused or cut: PTC_TUNNEL_NOT_TLS/)
  t.equal(gate.started.length, 0, 'no origin was dialled for it')
})

test('openssl sees one certificate, for the one name', async t => {
  const { proxy } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  const client = await startChild('openssl', [
    ...['s_client', '-proxy', `127.0.0.1:${proxy.port}`, '-connect', `${HOST}:${origin.port}`],
    ...['-servername', HOST, '-showcerts'],
  ])
  t.teardown(client.stop)
  await client.until(() => /Verify return code/.exec(client.stdout()) ?? undefined, 'the handshake')
  t.equal(client.stdout().match(/BEGIN CERTIFICATE/g)?.length, 1)
  t.match(client.stdout(), /s:CN = www\.google\.com\n\s+i:CN = Bump CA, O = Portcullis/)
})

test('without an authority the proxy does not start', async t => {
  const conf = makeConfDir({ records: BUMP })
  t.teardown(conf.remove)
  await t.rejects(ProxyServer.start(placeFor(conf.path, () => undefined)), {
    code: 'PTC_TLS_CONTEXT',
    message:
      /^proxy\.config\.ssl\.bump\.CA\.cert\.filename: \S+bump-ca\.pem and .* not there; `portcullis ca init` makes an authority/,
  })
})
