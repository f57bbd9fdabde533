/** Upgrade and WebSocket (RFC 9110 section 7.8, RFC 6455) through the proxy. */
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type Test, test } from 'tap'
import { forwardedProtocols } from '../../../../core/http1/headers.js'
import { type RawClient, rawClient } from '../../../kit/client.js'
import { makeAuthority } from '../../../kit/pki.js'
import { startProxyHere } from '../../../kit/proxy.js'
import { rawOrigin } from '../../../kit/raw-origin.js'
import { listen, startListener } from '../../../kit/running-listener.js'
import { poll } from '../../../kit/watch.js'
import { acceptOf, echoFrames, frameText, maskedFrame, WEB_SOCKET_KEY } from '../../../kit/web-socket.js'

const echoServer = (): Server => createServer().on('upgrade', echoFrames)

const wish = (url: string, protocol = 'websocket', more = ''): string =>
  `GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Key: ${WEB_SOCKET_KEY}\r\nSec-WebSocket-Version: 13\r\n${more}\r\n`

async function clientOf(t: Test, port: number): Promise<RawClient> {
  const client = await rawClient(port)
  t.teardown(client.stop)
  return client
}

async function exchangeFrames(t: Test, client: RawClient, url: string): Promise<void> {
  client.send(wish(url))
  const answer = await client.response()
  t.equal(answer.status, 101)
  t.equal(answer.header('upgrade'), 'websocket')
  t.equal(answer.header('connection'), 'Upgrade')
  t.equal(answer.header('sec-websocket-accept'), acceptOf(WEB_SOCKET_KEY))
  let at = client.text().length
  for (const text of ['hello', 'x'.repeat(60_000), 'bye']) {
    client.send(maskedFrame(text))
    const frame = (): Buffer => Buffer.from(client.text().slice(at), 'latin1')
    t.equal(await client.until(() => frameText(frame()), 'a frame'), text)
    at = client.text().length
  }
  client.end()
  await client.ended()
}

test('a WebSocket to an http origin', async t => {
  const port = await listen(t, echoServer())
  const listener = await startListener(t)
  const client = await clientOf(t, listener.port)
  await exchangeFrames(t, client, `http://127.0.0.1:${port}/chat`)
  await poll(() => listener.done.length === 1, 'the end of the request')
  t.match(listener.done, [{ status: 101, bytesUp: 60_028, bytesDown: 60_016, error: undefined }])
})

test('a WebSocket to an https origin, which is verified before', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const { chainPem, keyPem } = await root.issue({ cn: 'chat.test' })
  const port = await listen(t, createTlsServer({ cert: chainPem, key: keyPem }).on('upgrade', echoFrames))
  const proxy = await startProxyHere({ hosts: ['chat.test'], ca: root.certPem })
  t.teardown(proxy.stop)
  await exchangeFrames(t, await clientOf(t, proxy.port), `https://chat.test:${port}/chat`)

  const stranger = await startProxyHere({ hosts: ['chat.test'] })
  t.teardown(stranger.stop)
  const client = await clientOf(t, stranger.port)
  client.send(wish(`https://chat.test:${port}/chat`))
  t.equal((await client.response()).status, 502, 'and refused when it is not accepted')
})

test('bytes behind the wish and behind the answer are not lost', async t => {
  const origin = await rawOrigin(async connection => {
    await connection.until(() => connection.text().includes('\r\n\r\n') || undefined, 'a request')
    connection.send('HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: Other/1\r\n\r\nfirst')
  })
  t.teardown(origin.stop)
  const listener = await startListener(t)
  const client = await clientOf(t, listener.port)
  client.send(`${wish(`http://127.0.0.1:${origin.port}/`, 'other/1')}early`)
  await client.until(() => client.text().endsWith('first') || undefined, 'the first bytes')
  const connection = await origin.connection(0)
  await connection.until(() => connection.text().endsWith('\r\n\r\nearly') || undefined, 'the early bytes')
  t.match(client.text(), /^HTTP\/1\.1 101 Go\r\n.*Upgrade: Other\/1\r\n\r\nfirst$/s)
  t.match(connection.text(), /\r\nConnection: Upgrade\r\nUpgrade: other\/1\r\n/)
  connection.end()
  await client.ended()
  t.pass('an end of the origin is passed on')
  client.send('more')
  await connection.until(() => connection.text().endsWith('more') || undefined, 'what comes after it')
  client.end()
  await connection.until(() => connection.endedAt, 'the end of the client')
})

test('an origin that does not want to switch answers as usual', async t => {
  const port = await listen(
    t,
    createServer((req, res) => res.end(`${req.headers.upgrade} no`)),
  )
  const { port: proxy } = await startListener(t)
  const client = await clientOf(t, proxy)
  client.send(wish(`http://127.0.0.1:${port}/`))
  const answer = await client.response()
  t.match(answer, { status: 200 })
  t.equal(answer.body.toString(), 'websocket no')
  t.equal(answer.header('connection'), 'close')
  await client.ended()
})

test('a large answer to a wish is not cut short', async t => {
  const size = 5_000_000
  const port = await listen(
    t,
    createServer((_, res) => res.end(Buffer.alloc(size, 'x'))),
  )
  const { port: proxy } = await startListener(t)
  const client = await clientOf(t, proxy)
  client.send(wish(`http://127.0.0.1:${port}/`))
  t.equal((await client.response()).body.length, size)
})

test('protocols that would hide requests or a handshake are not passed on', async t => {
  t.equal(forwardedProtocols('websocket'), 'websocket')
  t.equal(forwardedProtocols('h2c'), undefined)
  t.equal(forwardedProtocols('H2C, WebSocket'), 'websocket')
  t.equal(forwardedProtocols('TLS/1.2'), undefined)
  t.equal(forwardedProtocols('HTTP/2.0, h2'), undefined)
  t.equal(forwardedProtocols(''), undefined)
  const port = await listen(
    t,
    createServer((req, res) => res.end(JSON.stringify(req.headers))),
  )
  const { port: proxy } = await startListener(t)
  const client = await clientOf(t, proxy)
  for (let i = 0; i < 2; i++) {
    client.send(wish(`http://127.0.0.1:${port}/`, 'h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__\r\n'))
    const answer = await client.response()
    t.equal(answer.status, 200, 'the request is served as if it had not asked')
    t.notMatch(answer.body.toString(), /upgrade/i)
  }
})

test('a request with a body that asks for another protocol is served as if it had not', async t => {
  const port = await listen(
    t,
    createServer((req, res) => {
      res.write(`${req.headers.upgrade} `)
      req.pipe(res)
    }),
  )
  const { port: proxy } = await startListener(t)
  const client = await clientOf(t, proxy)
  const url = `http://127.0.0.1:${port}/`
  const head = wish(url, 'websocket', 'Content-Length: 5\r\n').replace('GET', 'POST')
  client.send(head)
  client.send('hello')
  t.equal((await client.response()).body.toString(), 'undefined hello')
  client.send(`${head}hello`)
  t.equal((await client.response()).body.toString(), 'undefined hello', 'and so is the next one')
})

test('a switch to what the client did not ask for is no answer', async t => {
  const origin = await rawOrigin(async connection => {
    await connection.untilBytes(1)
    connection.send('HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n')
  })
  t.teardown(origin.stop)
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  client.send(wish(`http://127.0.0.1:${origin.port}/`))
  t.equal((await client.response()).status, 502)
})

test('a client that leaves while its wish waits takes the origin with it', async t => {
  const origin = await rawOrigin(() => undefined)
  t.teardown(origin.stop)
  const listener = await startListener(t)
  const client = await clientOf(t, listener.port)
  client.send(wish(`http://127.0.0.1:${origin.port}/`))
  const connection = await origin.connection(0)
  await connection.untilBytes(1)
  client.reset()
  await connection.until(() => connection.endedAt, 'the end')
  await poll(() => listener.done.length === 1, 'the end of the request')
  t.match(listener.done, [{ status: 0, error: { code: 'PTC_CLIENT_GONE' } }])
})

test('a switched connection that stands still is closed', async t => {
  const port = await listen(t, echoServer())
  const listener = await startListener(t, { forwarder: { upgradeIdleTimeout: 50 } })
  const client = await clientOf(t, listener.port)
  client.send(wish(`http://127.0.0.1:${port}/`))
  t.equal((await client.response()).status, 101)
  await client.ended()
  client.end()
  await poll(() => listener.done.length === 1, 'the end of the request')
  t.match(listener.done, [{ error: { code: 'PTC_TUNNEL_IDLE' } }])
})

test('a wish behind a request waits for the answer to that one', async t => {
  const origin = await listen(
    t,
    createServer((_req, res) => setTimeout(() => res.end('first'), 50)),
  )
  const echo = await listen(t, echoServer())
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  client.send(
    `GET http://127.0.0.1:${origin}/ HTTP/1.1\r\nHost: x\r\n\r\n${wish(`http://127.0.0.1:${echo}/`)}`,
  )
  t.equal((await client.response()).body.toString(), 'first')
  t.equal((await client.response()).status, 101)
})

test('a switched connection does not outlive the port', async t => {
  const port = await listen(t, echoServer())
  const { port: proxy, listener } = await startListener(t)
  const client = await clientOf(t, proxy)
  client.send(wish(`http://127.0.0.1:${port}/`))
  t.equal((await client.response()).status, 101)
  await listener.close(50)
  await client.ended()
  t.pass('it is ended when the grace is over')
})
