/** What the ClientHello in a probed tunnel asks for, and when it comes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { startChild } from '../kit/child.js'
import { realHello } from '../kit/client-hellos.js'
import {
  type Connecting,
  type ConnectingOptions,
  httpsOrigin,
  startConnecting,
  testRoot,
} from '../kit/connecting.js'
import { opensslOrigin } from '../kit/openssl-origin.js'
import { tapRelay } from '../kit/relay.js'
import { readRecords } from '../kit/tls-records.js'

const HOST = 'www.google.com'
const OTHER = 'www.yahoo.com'

const start = (t: Test, options: Partial<ConnectingOptions> = {}): Promise<Connecting> =>
  startConnecting(t, { hosts: [HOST, OTHER], ...options })

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
  const { curl } = await start(t)
  const leaf = await (await testRoot()).issue({ cn: HOST })
  const origin = await opensslOrigin({ ...leaf, tls: '1.3', groups: 'P-384' })
  t.teardown(origin.stop)
  const { code, stderr } = await curl(`https://${HOST}:${origin.port}/`)
  t.equal(code, 0, stderr)
  const hellos = (): number => origin.receivedNames().filter(name => name === 'ClientHello').length
  t.equal(hellos(), 4, 'two of the probe, two of curl')
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
