/** CONNECT in probe mode: no tunnel without an accepted origin, and no other TLS in it than what was accepted. */
import { createServer } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { startChild } from '../kit/child.js'
import { helloMessage, inRecords, realHello } from '../kit/client-hellos.js'
import { type Connecting, type ConnectingOptions, startConnecting, testRoot } from '../kit/connecting.js'
import { liveHandshakes } from '../kit/handshakes.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import { opensslOrigin } from '../kit/openssl-origin.js'
import { tapRelay } from '../kit/relay.js'
import { guardServer } from '../kit/tcp-server.js'
import { readRecords } from '../kit/tls-records.js'

const HOST = 'www.google.com'
const OTHER = 'www.yahoo.com'

async function httpsOrigin(t: Test, ...sans: string[]): Promise<NodeOrigin> {
  const leaf = await (await testRoot()).issue({ cn: sans[0] ?? HOST, sans })
  const origin = await nodeOrigin({ tls: leaf })
  t.teardown(origin.stop)
  return origin
}

const start = (t: Test, options: Partial<ConnectingOptions> = {}): Promise<Connecting> =>
  startConnecting(t, { hosts: [HOST, OTHER], ...options })

for (const [version, flags] of [
  ['TLS 1.2', ['--tls-max', '1.2']],
  ['TLS 1.3', ['--tlsv1.3']],
] as const) {
  test(`curl goes through a tunnel, ${version}`, async t => {
    const { curl, gate, proxy } = await start(t)
    const origin = await httpsOrigin(t, HOST)
    const url = `https://${HOST}:${origin.port}/`
    const first = await curl(...flags, url)
    t.match(first.stdout, /^HTTP\/1\.1 200 Connection established\r\n\r\nHTTP\/1\.1 200 OK/)
    t.equal(first.code, 0, first.stderr)
    t.match(first.stdout, /hello from www\.google\.com/)
    t.equal(gate.asked.length, 1)
    t.equal(gate.asked[0]?.sni, HOST)
    t.equal(origin.connections, 2, 'the probe, and the tunnel')

    t.equal((await curl(...flags, url)).code, 0)
    t.equal(gate.asked.length, 1, 'a second tunnel asks nobody')
    t.equal(origin.connections, 3, 'and makes no handshake of its own')
    await gate.allClosed()
    t.notMatch(proxy.output(), /refused or cut/)
    await proxy.stop()
    t.equal(liveHandshakes(), 0)
  })

  test(`a rejected origin sees an alert, the client a page and not a byte of a tunnel, ${version}`, async t => {
    const { ask, curl } = await start(t, {
      answer: event => void event.reenable(reject('revoked', 'seen on a list')),
    })
    const leaf = await (await testRoot()).issue({ cn: HOST })
    const origin = await opensslOrigin({ ...leaf, tls: version === 'TLS 1.2' ? '1.2' : '1.3' })
    t.teardown(origin.stop)
    const client = await ask(`${HOST}:${origin.port}`)
    const answer = await client.response('CONNECT')
    t.equal(answer.status, 502)
    t.match(answer.body.toString(), /certificate_revoked|X509_V_ERR_CERT_REVOKED/)
    t.match(answer.body.toString(), /seen on a list/)
    t.match(answer.header('proxy-status'), /error=tls_certificate_error.*by=plugin.*www\.google\.com/)
    await client.ended()
    t.equal(client.pending().length, 0, 'nothing behind the page')
    await origin.waitFor('fatal certificate_revoked')
    t.notOk(origin.received('Finished'))

    const { code, stderr } = await curl(`https://${HOST}:${origin.port}/`)
    t.equal(code, 56)
    t.match(stderr, /CONNECT tunnel failed, response 502/)
  })
}

test('the 200 waits for the verdict', async t => {
  const { ask, gate } = await start(t, { answer: () => undefined })
  const origin = await httpsOrigin(t, HOST)
  const client = await ask(`${HOST}:${origin.port}`)
  const event = await gate.parked()
  await sleep(200)
  t.equal(client.text(), '', 'not a byte while the origin is parked')
  t.equal(origin.handshakes.length, 0)
  event.reenable()
  t.equal((await client.response('CONNECT')).status, 200)
})

test('no verdict in time is 504', async t => {
  const { curl } = await start(t, {
    answer: () => undefined,
    records: { 'proxy.config.ssl.client.verify.deadline': 100 },
  })
  const origin = await httpsOrigin(t, HOST)
  t.match((await curl(`https://${HOST}:${origin.port}/`)).stderr, /CONNECT tunnel failed, response 504/)
})

test('a client that leaves while its origin is parked ends the probe', async t => {
  for (const leave of ['stop', 'reset', 'end'] as const) {
    const { ask, gate, proxy } = await start(t, { answer: () => undefined })
    const origin = await httpsOrigin(t, HOST)
    const client = await ask(`${HOST}:${origin.port}`)
    const event = await gate.parked()
    client[leave]()
    await gate.until(() => event.signal.aborted || undefined, 'the signal')
    await gate.allClosed()
    t.equal(event.reenable(), 'ignored')
    await origin.until(() => (origin.openConnections === 0 ? true : undefined), 'the origin to be left')
    t.equal(origin.handshakes.length, 0)
    client.stop()
    await proxy.stop()
    t.equal(liveHandshakes(), 0)
  }
})

test('tunnels that are asked for at once share a probe; it ends when the last of them has left', async t => {
  const { ask, gate } = await start(t, { answer: () => undefined })
  const origin = await httpsOrigin(t, HOST)
  const clients = await Promise.all([1, 2, 3].map(() => ask(`${HOST}:${origin.port}`)))
  const event = await gate.parked()
  await origin.until(() => (origin.connections >= 3 ? true : undefined), 'all three to have dialled')
  clients[0]?.stop()
  await sleep(50)
  t.notOk(event.signal.aborted, 'two still wait')
  event.reenable()
  for (const client of clients.slice(1)) t.equal((await client.response('CONNECT')).status, 200)
  t.equal(gate.asked.length, 1)

  const next = await start(t, { answer: () => undefined })
  const waiting = await Promise.all([1, 2].map(() => next.ask(`${HOST}:${origin.port}`)))
  const other = await next.gate.parked()
  for (const client of waiting) client.stop()
  await next.gate.until(() => other.signal.aborted || undefined, 'the signal')
})

test('a client may send its ClientHello with its CONNECT', async t => {
  const { ask, gate } = await start(t, { answer: () => undefined })
  const origin = await httpsOrigin(t, HOST)
  const hello = await realHello({ servername: HOST })
  const client = await ask(`${HOST}:${origin.port}`, hello.subarray(0, 40))
  const event = await gate.parked()
  client.send(hello.subarray(40, 41)) // and go on while it waits
  await sleep(20)
  event.reenable()
  t.equal((await client.response('CONNECT')).status, 200)
  client.send(hello.subarray(41))
  const names = (): readonly string[] => readRecords(client.pending()).names
  await client.until(() => (names().length > 0 ? true : undefined), "the origin's flight")
  t.equal(names()[0], 'ServerHello')
})

test('a HelloRetryRequest passes, and what it asks for', async t => {
  const { curl, gate, ask } = await start(t)
  const leaf = await (await testRoot()).issue({ cn: HOST })
  const origin = await opensslOrigin({ ...leaf, tls: '1.3', groups: 'P-384' })
  t.teardown(origin.stop)
  const { code, stderr } = await curl(`https://${HOST}:${origin.port}/`)
  t.equal(code, 0, stderr)
  const hellos = (): number => origin.receivedNames().filter(name => name === 'ClientHello').length
  t.equal(hellos(), 4, 'two of the probe, two of curl')

  const client = await ask(`${HOST}:${origin.port}`, inRecords(helloMessage({ names: [HOST] })))
  t.equal((await client.response('CONNECT')).status, 200)
  t.equal(gate.asked.length, 1)
})

test('openssl goes through a tunnel', async t => {
  const { proxy } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  const client = await startChild('openssl', [
    ...['s_client', '-proxy', `127.0.0.1:${proxy.port}`, '-connect', `${HOST}:${origin.port}`],
    ...['-servername', HOST, '-quiet', '-no_ign_eof'],
  ])
  t.teardown(client.stop)
  client.write('GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  t.ok(await client.until(() => /hello from x/.exec(client.stdout()) ?? undefined, 'the response'))
})

test('another SNI than the name of CONNECT is verified as well', async t => {
  const { open, gate, root } = await start(t)
  const origin = await httpsOrigin(t, HOST, OTHER)
  const { client } = await open(`${HOST}:${origin.port}`)
  const secured = await client.secure({ servername: OTHER, ca: root.certPem })
  secured.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await secured.response()).status, 200)
  t.strictSame(
    gate.asked.map(({ host }) => host),
    [HOST, OTHER],
  )
})

test('another SNI that is rejected gets an alert, and the origin never sees its ClientHello', async t => {
  const { open, proxy, root } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  const { client, answer } = await open(`${HOST}:${origin.port}`)
  t.equal(answer.status, 200)
  const cause: unknown = await client.secure({ servername: OTHER, ca: root.certPem }).catch((e: unknown) => e)
  t.match(cause, { code: /ALERT_ACCESS_DENIED$/ })
  await proxy.until(/tunnel of 127\.0\.0\.1 to www\.google\.com:\d+ refused or cut: PTC_VERIFY_REJECTED/)
  await origin.until(() => (origin.openConnections === 0 ? true : undefined), 'the origin to be left')
  t.strictSame(
    origin.handshakes.map(({ sni }) => sni),
    [HOST],
    'only the probe for the name of CONNECT was completed',
  )
})

test('without SNI it is the address that is verified', async t => {
  const { open, gate, root } = await start(t)
  const origin = await httpsOrigin(t, HOST, '127.0.0.1')
  const { client } = await open(`${HOST}:${origin.port}`)
  const secured = await client.secure({ ca: root.certPem, checkServerIdentity: () => undefined })
  secured.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await secured.response()).status, 200)
  t.strictSame(
    gate.asked.map(({ host, sni }) => [host, sni]),
    [
      [HOST, HOST],
      ['127.0.0.1', undefined],
    ],
  )
  const byAddress = await open(`127.0.0.1:${origin.port}`)
  const again = await byAddress.client.secure({ ca: root.certPem, checkServerIdentity: () => undefined })
  t.ok(again.socket.encrypted)
  t.equal(gate.asked.length, 2, 'a tunnel to the address is verified by the same probe')
})

test('what is no TLS does not pass', async t => {
  const { ask, proxy } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  const relay = await tapRelay(origin.port)
  t.teardown(relay.stop)
  const client = await ask(`${HOST}:${relay.port}`, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await client.response('CONNECT')).status, 200)
  await client.ended()
  t.equal(client.pending().length, 0)
  await proxy.until(/refused or cut: PTC_TUNNEL_NOT_TLS/)
  await relay.until(
    () => (relay.connections.every(({ fromClient }) => fromClient.endedAt) ? true : undefined),
    'all ends',
  )
  t.strictSame(
    relay.connections.map(({ fromClient }) => fromClient.bytes().includes('GET')),
    [false, false],
  )
})

test('a client that does not send its ClientHello is not waited for', async t => {
  const { open, proxy } = await start(t, {
    records: { 'proxy.config.http.transaction_no_activity_timeout_in': 1 },
  })
  const origin = await httpsOrigin(t, HOST)
  const { client } = await open(`${HOST}:${origin.port}`)
  client.send(Buffer.from([22, 3, 1]))
  await client.ended(5000)
  await proxy.until(/refused or cut: PTC_REQUEST_TIMEOUT/)
  await origin.until(() => (origin.openConnections === 0 ? true : undefined), 'the origin to be left')
})

test('an origin that shows the client another certificate than the proxy is cut off', async t => {
  const root = await testRoot()
  const first = await root.issue({ cn: HOST, serial: '01' })
  const second = await root.issue({ cn: HOST, serial: '02' })
  const context = ({ chainPem, keyPem }: typeof first) => ({ cert: chainPem, key: keyPem }) as const
  const server = createServer({ ...context(first), maxVersion: 'TLSv1.2' }, (_, response) =>
    response.end('x'),
  )
  const guard = await guardServer(server)
  t.teardown(guard.stop)
  const { open, proxy, gate } = await start(t, {
    answer: event => {
      server.setSecureContext({ ...context(second), maxVersion: 'TLSv1.2' }) // from the next connection on
      event.reenable()
    },
  })
  const target = `${HOST}:${guard.port}`
  const { client } = await open(target)
  const cause: unknown = await client.secure({ servername: HOST, ca: root.certPem }).catch((e: unknown) => e)
  t.match(cause, { code: 'ECONNRESET' }, 'the handshake breaks off')
  await proxy.until(/refused or cut: PTC_TUNNEL_CUT: the origin showed the client another certificate/)

  const again = await open(target)
  t.equal(gate.asked.length, 2, 'the next tunnel is probed again')
  t.equal(gate.asked[1]?.chain[0]?.x509.serialNumber, '02')
  t.ok((await again.client.secure({ servername: HOST, ca: root.certPem })).socket.authorized)
})

test('a tunnel in which nothing moves is closed', async t => {
  const { open, root, gate } = await start(t, {
    records: { 'proxy.config.http.transaction_no_activity_timeout_out': 1 },
  })
  const origin = await httpsOrigin(t, HOST)
  const { client } = await open(`${HOST}:${origin.port}`)
  const secured = await client.secure({ servername: HOST, ca: root.certPem })
  const since = performance.now()
  await secured.ended(5000)
  t.ok(performance.now() - since > 800, 'after its second')
  await gate.allClosed()
})
