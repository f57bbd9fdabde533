/** CONNECT on streams of an `ssl` port: tunnels beside one another, and bumped. */
import { once } from 'node:events'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { type Test, test } from 'tap'
import { createAuthority } from '../../core/tls/inbound/authority.js'
import { Http2Client, tlsSocket } from '../kit/http2-client.js'
import { http2Origin } from '../kit/http2-origin.js'
import { nodeOrigin } from '../kit/node-origin.js'
import type { ProxyConf } from '../kit/proxy.js'
import { root, secureProxy } from '../kit/secure-proxy.js'
import { listen } from '../kit/tcp-server.js'

const HOST = 'origin.example'
const bumpCa = await createAuthority('Bump CA')

async function front(t: Test, conf: ProxyConf = {}): Promise<Http2Client> {
  const { port } = await secureProxy(t, [], {
    ca: root.certPem,
    ...conf,
    records: { 'proxy.config.http2.enabled': 1, 'proxy.config.http.connect_ports': '*', ...conf.records },
  })
  const socket = await tlsSocket(port, { ca: root.certPem, servername: 'proxy.example' })
  t.equal(socket.alpnProtocol, 'h2')
  const client = new Http2Client(socket)
  t.teardown(client.stop)
  return client
}

/** The stream of a CONNECT, and its status. */
async function tunnel({ session }: Http2Client, authority: string) {
  const stream = session.request({ ':method': 'CONNECT', ':authority': authority })
  stream.on('error', () => {})
  const [headers] = (await once(stream, 'response')) as [{ ':status'?: number }]
  return { stream, status: headers[':status'] }
}

async function secured(t: Test, client: Http2Client, port: number, ca: string, alpn: string[]) {
  const { stream, status } = await tunnel(client, `${HOST}:${port}`)
  t.equal(status, 200)
  const socket = connectTls({ socket: stream, ca, servername: HOST, ALPNProtocols: alpn })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

async function asks(socket: TLSSocket, path: string): Promise<string> {
  let text = ''
  socket.on('data', bytes => {
    text += bytes
  })
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`)
  await once(socket, 'end')
  return text
}

const issued = () => root.issue({ cn: HOST, sans: [HOST] })

test('tunnels on streams of one connection reach verified origins', async t => {
  const { chainPem, keyPem } = await issued()
  const origin = await nodeOrigin({ tls: { chainPem, keyPem } })
  t.teardown(origin.stop)
  const client = await front(t)
  const sockets = await Promise.all([1, 2, 3].map(() => secured(t, client, origin.port, root.certPem, [])))
  const answers = await Promise.all(sockets.map(socket => asks(socket, '/bytes/300000')))
  for (const answer of answers) t.equal(answer.length - answer.indexOf('\r\n\r\n') - 4, 300_000)
  t.equal(origin.requests.length, 3)
})

test('a tunnel is bumped, and HTTP/2 spoken inside', async t => {
  const origin = await http2Origin(end => t.teardown(end), [HOST], root)
  const files = { 'bump-ca.pem': bumpCa.certPem, 'bump-ca.key': bumpCa.keyPem }
  const client = await front(t, { files, records: { 'proxy.config.http.connect.verify': 'bump' } })
  const socket = await secured(t, client, origin.port, bumpCa.certPem, ['h2', 'http/1.1'])
  t.equal(socket.alpnProtocol, 'h2')
  const inside = new Http2Client(socket)
  t.teardown(inside.stop)
  const { status, body } = await inside.ask({
    ':authority': `${HOST}:${origin.port}`,
    ':path': '/bytes/100000',
  })
  t.strictSame([status, body.length], [200, 100_000])
})

test('a CONNECT that is refused is answered on its stream, and no other ends', async t => {
  const client = await front(t, { records: { 'proxy.config.http.connect_ports': '443' } })
  const denied = await client.ask({ ':method': 'CONNECT', ':authority': `${HOST}:25` })
  t.strictSame([denied.status, denied.code], [403, 0])
  t.match(denied.body.toString(), /PTC_REQUEST_DENIED/)
  const odd = await client.ask({ ':method': 'CONNECT', ':authority': HOST })
  t.equal(odd.status, 400)
  t.equal(client.session.destroyed, false)
})

test('an end and a reset of a tunnel are passed on in both directions', async t => {
  const seen: string[] = []
  const origin = await listen(socket => {
    socket.on('data', bytes => {
      seen.push(String(bytes))
      if (String(bytes) === 'reset') socket.resetAndDestroy()
    })
    socket.on('end', () => socket.end('last words'))
    socket.on('close', () => seen.push('closed'))
    socket.on('error', () => {})
  })
  t.teardown(origin.stop)
  const client = await front(t, { records: { 'proxy.config.http.connect.verify': 'tunnel' } })
  const gentle = await tunnel(client, `${HOST}:${origin.port}`)
  let text = ''
  gentle.stream.on('data', bytes => {
    text += bytes
  })
  gentle.stream.end('first words')
  await once(gentle.stream, 'close')
  t.strictSame([text, gentle.stream.rstCode], ['last words', 0])
  const rude = await tunnel(client, `${HOST}:${origin.port}`)
  let hasEnded = false
  rude.stream.on('end', () => {
    hasEnded = true
  })
  rude.stream.write('reset')
  rude.stream.resume()
  await new Promise(resolve => rude.stream.once('close', resolve))
  t.strictSame([rude.stream.rstCode, hasEnded], [10, false], 'CONNECT_ERROR, and no end before')
  const leaving = await tunnel(client, `${HOST}:${origin.port}`)
  const before = seen.filter(word => word === 'closed').length
  leaving.stream.close(8)
  for (let i = 0; i < 100 && seen.filter(word => word === 'closed').length === before; i++)
    await new Promise(resolve => setTimeout(resolve, 20))
  t.equal(seen.filter(word => word === 'closed').length, before + 1)
})
