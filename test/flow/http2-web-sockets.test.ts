/** Extended CONNECT (RFC 8441): WebSockets on streams, to origins of HTTP/1.1. */
import { once } from 'node:events'
import { type ClientHttp2Stream, createSecureServer, type IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { createAuthority } from '../../core/tls/inbound/authority.js'
import { answerOn, Http2Client, tlsSocket, tunnelSocket } from '../kit/http2-client.js'
import { answerHttp2 } from '../kit/http2-origin.js'
import type { ProxyConf } from '../kit/proxy.js'
import { rawOrigin } from '../kit/raw-origin.js'
import { root, secureProxy } from '../kit/secure-proxy.js'
import { poll } from '../kit/watch.js'
import { acceptOf, echoFrames, frameText, maskedFrame } from '../kit/web-socket.js'

const HOST = 'origin.example'
const bumpCa = await createAuthority('Bump CA')
const leaf = await root.issue({ cn: HOST, sans: [HOST] })

/** An origin of HTTP/2, and of WebSockets in HTTP/1.1; the fields of each upgrade are kept. */
async function webSocketOrigin(t: Test) {
  const upgrades: (readonly string[])[] = []
  const server = createSecureServer({ allowHTTP1: true, cert: leaf.chainPem, key: leaf.keyPem }, answerHttp2)
  server.on('upgrade', (req, socket) => {
    upgrades.push(req.rawHeaders)
    echoFrames(req, socket)
  })
  server.on('secureConnection', socket => t.teardown(() => socket.destroy()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, upgrades }
}

async function front(t: Test, conf: ProxyConf = {}) {
  const records = { 'proxy.config.http.connect_ports': '*', ...conf.records }
  return secureProxy(t, [], { ca: root.certPem, ...conf, records })
}

async function clientOf(t: Test, port: number): Promise<Http2Client> {
  const client = new Http2Client(await tlsSocket(port, { ca: root.certPem, servername: 'proxy.example' }))
  t.teardown(client.stop)
  await once(client.session, 'remoteSettings')
  return client
}

type Answered = IncomingHttpHeaders & { ':status'?: number }

/** Asks for another protocol. */
function asks({ session }: Http2Client, authority: string, more: Record<string, string> = {}) {
  const stream = session.request({
    ...{ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'https', ':authority': authority },
    ...{ ':path': '/chat?room=1', 'sec-websocket-version': '13', ...more },
  })
  stream.on('error', () => {})
  return stream
}

async function exchangesFrames(t: Test, stream: ClientHttp2Stream): Promise<void> {
  const [headers] = (await once(stream, 'response')) as [Answered]
  t.equal(headers[':status'], 200)
  for (const name of ['connection', 'upgrade', 'sec-websocket-accept', 'sec-websocket-key'])
    t.equal(headers[name], undefined, `${name} is of HTTP/1.1`)
  let bytes = Buffer.alloc(0)
  stream.on('data', (more: Buffer) => {
    bytes = Buffer.concat([bytes, more])
  })
  for (const text of ['hello', 'x'.repeat(60_000), 'bye']) {
    bytes = Buffer.alloc(0)
    stream.write(maskedFrame(text))
    t.equal(await poll(() => frameText(bytes), 'a frame'), text)
  }
  stream.end()
  await once(stream, 'close')
  t.equal(stream.rstCode, 0, 'an end is an end')
}

test('WebSockets on streams of an ssl port reach a verified origin', async t => {
  const origin = await webSocketOrigin(t)
  const { port } = await front(t)
  const client = await clientOf(t, port)
  t.equal(client.session.remoteSettings.enableConnectProtocol, true)
  const key = 'Y2hvc2VuIGJ5IGNsaWVudA=='
  await Promise.all(
    [1, 2].map(() =>
      exchangesFrames(t, asks(client, `${HOST}:${origin.port}`, { 'sec-websocket-key': key })),
    ),
  )
  t.equal(origin.upgrades.length, 2)
  t.notOk(origin.upgrades.flat().includes(key), 'a key is made here, for each')
  const plain = await client.ask({ ':scheme': 'https', ':authority': `${HOST}:${origin.port}`, ':path': '/' })
  t.strictSame([plain.status, String(plain.body)], [200, 'hello over 1.1'])

  const stranger = await front(t, { ca: bumpCa.certPem })
  const refused = await answerOn(asks(await clientOf(t, stranger.port), `${HOST}:${origin.port}`))
  t.equal(refused.status, 502)
  t.equal(origin.upgrades.length, 2, 'nothing reaches an origin that is not accepted')
})

test('a WebSocket inside a bump goes to an origin that speaks HTTP/2 otherwise', async t => {
  const origin = await webSocketOrigin(t)
  const files = { 'bump-ca.pem': bumpCa.certPem, 'bump-ca.key': bumpCa.keyPem }
  const { proxy } = await front(t, {
    files,
    records: {
      'proxy.config.http.server_ports': '0:ip-in=127.0.0.1',
      'proxy.config.http.connect.verify': 'bump',
    },
  })
  const authority = `${HOST}:${origin.port}`
  const socket = await tlsSocket(await tunnelSocket(proxy.port, authority), {
    ...{ ca: bumpCa.certPem, servername: HOST },
  })
  t.equal(socket.alpnProtocol, 'h2')
  const client = new Http2Client(socket)
  t.teardown(client.stop)
  await once(client.session, 'remoteSettings')
  await exchangesFrames(t, asks(client, authority))
  t.equal(origin.upgrades.length, 1)
  const plain = await client.ask({ ':authority': authority, ':path': '/' })
  t.equal(String(plain.body), 'hello over 2.0')
  const other = await answerOn(asks(client, `other.example:${origin.port}`))
  t.equal(other.status, 421, 'and for no other name')
})

/** Looks at each response, which is held meanwhile. */
const LOOKING = `export default ({ hookAdd }) =>
  hookAdd('TS_HTTP_READ_RESPONSE_HDR_HOOK', ({ reenable }) => setTimeout(reenable, 5))`

async function opensNoTunnel(t: Test, conf: ProxyConf): Promise<void> {
  const { port } = await front(t, conf)
  const client = await clientOf(t, port)
  const SWITCH = 'HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n'
  const answers: readonly [string, number, RegExp][] = [
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 502, /PTC_RESPONSE_MALFORMED/],
    ['HTTP/1.1 204 No Content\r\n\r\n', 502, /PTC_RESPONSE_MALFORMED/],
    ['HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno', 403, /^no$/],
    [`${SWITCH}\r\nframes`, 502, /PTC_RESPONSE_MALFORMED/],
    [`${SWITCH}Sec-WebSocket-Accept: ${acceptOf('other')}\r\n\r\nframes`, 502, /PTC_RESPONSE_MALFORMED/],
  ]
  for (const [response, status, body] of answers) {
    const origin = await rawOrigin(async connection => {
      await connection.until(() => connection.text().includes('\r\n\r\n') || undefined, 'a request')
      connection.send(response)
    })
    t.teardown(origin.stop)
    const stream = asks(client, `${HOST}:${origin.port}`, { ':scheme': 'http' })
    const answer = await answerOn(stream)
    t.strictSame([answer.status, answer.code], [status, 0], response)
    t.match(String(answer.body), body)
    const { text } = await origin.connection(0)
    t.match(text(), /^GET \/chat\?room=1 HTTP\/1\.1\r\n/)
    t.match(text(), /\r\nupgrade: websocket\r\n/i)
  }
  t.equal(client.session.destroyed, false, 'no other stream ends')
}

test('an origin that does not switch opens no tunnel', t => opensNoTunnel(t, {}))

test('nor does one whose response is held', t =>
  opensNoTunnel(t, { modules: { 'looking.mjs': LOOKING }, plugins: ['looking.mjs'] }))

test('what HTTP/1.1 cannot be asked for is reset, and reaches no origin', async t => {
  const origin = await rawOrigin(() => {})
  t.teardown(origin.stop)
  const { port } = await front(t)
  const client = await clientOf(t, port)
  const authority = `${HOST}:${origin.port}`
  const odd: readonly Record<string, string>[] = [
    { ':protocol': 'h2c' },
    { ':protocol': 'TLS' },
    { ':protocol': 'a, b' },
    { 'content-length': '5' },
    { ':path': '' },
  ]
  for (const more of odd) {
    const { status, code } = await answerOn(asks(client, authority, { ':scheme': 'http', ...more }))
    t.strictSame([status, code], [0, 1], JSON.stringify(more))
  }
  const headers = { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': '/' }
  const ended = client.session.request({ ...headers, ':authority': authority }, { endStream: true })
  const { status, code } = await answerOn(ended)
  t.strictSame([status, code], [0, 1], 'an end in the place of the protocol')
  t.equal(origin.connections.length, 0)
})

test('behind a refused WebSocket its connection carries other requests', async t => {
  const origin = await rawOrigin(async connection => {
    for (let seen = 0; ; ) {
      const request = await connection.until(() => {
        const text = connection.text().slice(seen)
        return text.includes('\r\n\r\n') ? text : undefined
      }, 'a request')
      seen += request.length
      const [status, body] = /upgrade: websocket/i.test(request) ? ['403 No', 'no'] : ['200 OK', 'ok']
      connection.send(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\n${body}`)
    }
  })
  t.teardown(origin.stop)
  const { port } = await front(t)
  const client = await clientOf(t, port)
  const authority = `127.0.0.1:${origin.port}`
  for (let i = 0; i < 50; i += 1) {
    const stream = asks(client, authority, { ':scheme': 'http' })
    const other = client.session.request({
      ':method': 'GET',
      ':scheme': 'http',
      ':authority': authority,
      ':path': '/',
    })
    const [refused, fine] = await Promise.all([answerOn(stream), answerOn(other)])
    t.same([refused.status, fine.status], [403, 200])
    if (i % 2 === 0)
      client.session
        .request({ ':method': 'GET', ':scheme': 'http', ':authority': authority, ':path': '/' })
        .close(8)
  }
})
