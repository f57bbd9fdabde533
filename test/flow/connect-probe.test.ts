/** CONNECT in probe mode: no tunnel without an accepted origin, and no other TLS in it than what was accepted. */
import { createServer } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import {
  type Connecting,
  type ConnectingOptions,
  httpsOrigin,
  startConnecting,
  testRoot,
} from '../kit/connecting.js'
import { liveHandshakes } from '../kit/handshakes.js'
import { opensslOrigin } from '../kit/openssl-origin.js'
import { guardServer } from '../kit/tcp-server.js'

const HOST = 'www.google.com'
const OTHER = 'www.yahoo.com'

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

test('the 200 of a CONNECT waits for the verdict', async t => {
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

test('a CONNECT without a verdict in time is answered 504', async t => {
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
  const { open, root, gate, proxy } = await start(t, {
    records: { 'proxy.config.http.tunnel_no_activity_timeout': 1 },
  })
  const origin = await httpsOrigin(t, HOST)
  const { client } = await open(`${HOST}:${origin.port}`)
  const secured = await client.secure({ servername: HOST, ca: root.certPem })
  const since = performance.now()
  await secured.ended(5000)
  t.ok(performance.now() - since > 800, 'after its second')
  await proxy.until(/tunnel of .*PTC_TUNNEL_IDLE/)
  await gate.allClosed()
})
