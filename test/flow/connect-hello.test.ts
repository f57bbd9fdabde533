/** What the ClientHello in a probed tunnel asks for, and when it comes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { startChild } from '../kit/child.js'
import { helloMessage, inRecords, realHello } from '../kit/client-hellos.js'
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

test('a HelloRetryRequest and its second ClientHello pass a tunnel', async t => {
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

test('bytes that are no TLS do not pass a verified tunnel', async t => {
  const { ask, proxy } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  const relay = await tapRelay(origin.port)
  t.teardown(relay.stop)
  const client = await ask(`${HOST}:${relay.port}`, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await client.response('CONNECT')).status, 200)
  const refusal = await client.response()
  t.equal(refusal.status, 403, 'the proxy answers in its place')
  t.match(refusal.body.toString(), /proxy\.config\.http\.connect\.verify\.non_tls/)
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

test('a CONNECT to an address is verified as the name in its ClientHello', async t => {
  const { open, gate, proxy, root } = await start(t, {
    answer: ({ host, reenable }) => void reenable(host === OTHER ? reject('revoked') : undefined),
  })
  const origin = await httpsOrigin(t, HOST, OTHER) // not for its address
  const target = `127.0.0.1:${origin.port}`
  const { client, answer } = await open(target)
  t.equal(answer.status, 200)
  t.equal(gate.asked.length, 0, 'before the ClientHello there is nothing to verify')
  const secured = await client.secure({ servername: HOST, ca: root.certPem })
  secured.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await secured.response()).status, 200)
  t.match(gate.asked, [{ host: HOST, sni: HOST }])

  for (const servername of [OTHER, undefined]) {
    const { client: refused } = await open(target)
    const options = { ...(servername === undefined ? {} : { servername }), ca: root.certPem }
    const cause: unknown = await refused.secure(options).catch((e: unknown) => e)
    t.match(cause, { code: /ALERT_ACCESS_DENIED$/ }, servername ?? 'the address, which no certificate is for')
  }
  await proxy.until(/tunnel of 127\.0\.0\.1 to 127\.0\.0\.1:\d+ refused or cut: PTC_VERIFY_REJECTED/)
  t.equal(origin.handshakes.length, 2, 'the probe and the tunnel for the first name')
})

test('an SNI that is an address, or has a final dot, is the host that it means', async t => {
  const { open, gate } = await start(t)
  const origin = await httpsOrigin(t, HOST, '127.0.0.1')
  const hello = async (connect: string, name: string): Promise<string> => {
    const { client } = await open(`${connect}:${origin.port}`)
    client.send(inRecords(helloMessage({ names: [name] })))
    await client.until(() => (client.pending().length >= 7 ? true : undefined), 'an answer')
    return client.pending().subarray(0, 7).toString('hex')
  }
  const fromOrigin = /^1503..0002(?!0231|0270|0232)/ // it does not like the rest of the ClientHello
  t.match(await hello('127.0.0.1', '127.0.0.1'), fromOrigin)
  t.match(await hello(HOST, `${HOST}.`), fromOrigin)
  t.strictSame(
    gate.asked.map(({ host, sni }) => [host, sni]),
    [
      ['127.0.0.1', '127.0.0.1'],
      [HOST, HOST],
      [HOST, `${HOST}.`],
    ],
  )
})

test('a name that can be no host gets an alert, and a true line in the log', async t => {
  const { open, proxy } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  for (const name of ['a b', '0x7f000001', 'a..b', '*.example']) {
    const { client } = await open(`${HOST}:${origin.port}`)
    client.send(inRecords(helloMessage({ names: [name] })))
    await client.ended()
    t.equal(client.pending().toString('hex'), '15030300020270', `${name}: unrecognized_name`)
  }
  await proxy.until(
    /PTC_TUNNEL_HELLO: the ClientHello is refused: the server_name of the ClientHello is no host/,
  )
  t.notMatch(proxy.output(), /does not speak TLS/)
})
