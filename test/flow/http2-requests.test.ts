/** HTTP/2 of clients on an `ssl` port, to origins of HTTP/1.1. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { answerOn, Http2Client, tlsSocket } from '../kit/http2-client.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import type { ProxyConf } from '../kit/proxy.js'
import { root, secureProxy } from '../kit/secure-proxy.js'
import { guardServer } from '../kit/tcp-server.js'

const HOST = 'origin.example'
const HTTP2 = { 'proxy.config.http2.enabled': 1 } as const

interface Front {
  readonly port: number
  readonly client: Http2Client
  connect(): Promise<Http2Client>
}

async function front(t: Test, conf: ProxyConf = {}): Promise<Front> {
  const { port } = await secureProxy(t, [], { ...conf, records: { ...HTTP2, ...conf.records } })
  const connect = async (): Promise<Http2Client> => {
    const socket = await tlsSocket(port, { ca: root.certPem, servername: 'proxy.example' })
    t.equal(socket.alpnProtocol, 'h2')
    const client = new Http2Client(socket)
    t.teardown(client.stop)
    return client
  }
  return { port, client: await connect(), connect }
}

async function origin(t: Test): Promise<NodeOrigin> {
  const made = await nodeOrigin()
  t.teardown(made.stop)
  return made
}

/** An origin of HTTP/1.1 that a function answers. */
async function answering(t: Test, answer: (req: IncomingMessage, res: ServerResponse) => void) {
  const server = createServer(answer)
  const guard = await guardServer(server)
  t.teardown(guard.stop)
  return guard
}

const at = (port: number, path: string, more: Record<string, string | string[]> = {}) => ({
  ':scheme': 'http',
  ':authority': `${HOST}:${port}`,
  ':path': path,
  ...more,
})

test('requests of HTTP/2 reach an origin of HTTP/1.1, many at once', async t => {
  const { client } = await front(t)
  const { port, requests } = await origin(t)
  const paths = Array.from({ length: 50 }, (_, i) => `/bytes/${1000 * i}`)
  const answers = await Promise.all(paths.map(path => client.ask(at(port, path))))
  t.strictSame(
    answers.map(({ status, body, code }) => [status, body.length, code]),
    paths.map((_, i) => [200, 1000 * i, 0]),
  )
  t.strictSame(requests.map(({ url }) => url).sort(), [...paths].sort())
  t.match(requests[0]?.headers, { host: `${HOST}:${port}`, via: /^2 / })
})

test('a body reaches the origin with its length, or chunked without one', async t => {
  const { client } = await front(t)
  const { port, requests } = await origin(t)
  const body = Buffer.alloc(300_000, 'x')
  const known = await client.ask(at(port, '/echo', { ':method': 'POST', 'content-length': '300000' }), body)
  const unknown = await client.ask(at(port, '/echo', { ':method': 'POST' }), body)
  t.ok(known.body.equals(body))
  t.ok(unknown.body.equals(body))
  t.strictSame(
    requests.map(({ headers }) => [headers['content-length'], headers['transfer-encoding']]),
    [
      ['300000', undefined],
      [undefined, 'chunked'],
    ],
  )
})

test('cookie fields become one, and no field about a connection leaves', async t => {
  const { client } = await front(t)
  const { port } = await answering(t, (req, res) => {
    res.setHeader('Connection', 'x-hop')
    res.setHeader('X-Hop', 'a')
    res.setHeader('Keep-Alive', 'timeout=9')
    res.setHeader('Set-Cookie', ['a=1', 'b=2'])
    res.end(JSON.stringify(req.headers))
  })
  const { headers, body } = await client.ask(at(port, '/', { cookie: ['a=1', 'b=2', 'c=3'] }))
  t.match(JSON.parse(body.toString()), { cookie: 'a=1; b=2; c=3', host: `${HOST}:${port}` })
  t.strictSame(headers['set-cookie'], ['a=1', 'b=2'])
  for (const name of ['connection', 'keep-alive', 'transfer-encoding', 'x-hop'])
    t.notOk(name in headers, name)
})

test('the client learns of the origin’s 1xx, trailers and errors', async t => {
  const { client } = await front(t)
  const { port } = await answering(t, (req, res) => {
    if (req.url === '/status') return void res.writeHead(404).end()
    res.writeContinue()
    res.writeEarlyHints({ link: '</style.css>; rel=preload' })
    res.writeHead(200, { Trailer: 'x-sum', 'Transfer-Encoding': 'chunked' })
    res.write('body')
    res.addTrailers({ 'x-sum': '42' })
    res.end()
  })
  const answer = await client.ask(at(port, '/'))
  t.match(answer.interim[0], { ':status': 100 })
  t.match(answer.interim[1], { ':status': 103, link: '</style.css>; rel=preload' })
  t.match(answer.trailers, { 'x-sum': '42' })
  t.equal(answer.body.toString(), 'body')
  t.equal((await client.ask(at(port, '/status'))).status, 404)
  const unreachable = await client.ask(at(1, '/'))
  t.equal(unreachable.status, 502)
  t.match(unreachable.headers['proxy-status'], /PTC_/)
  const head = await client.ask(at(port, '/', { ':method': 'HEAD' }))
  t.strictSame([head.status, head.body.length], [200, 0])
})

test('trailers of a client reach the origin', async t => {
  const { client } = await front(t)
  const { port } = await answering(t, (req, res) => {
    req.resume().on('end', () => res.end(JSON.stringify(req.trailers)))
  })
  const stream = client.session.request(at(port, '/', { ':method': 'POST' }), {
    endStream: false,
    waitForTrailers: true,
  })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }))
  stream.end('body')
  t.strictSame(JSON.parse((await answerOn(stream)).body.toString()), { 'x-sum': '42' })
})

test('a response that breaks off is reset, and looks complete to no client', async t => {
  const { client } = await front(t)
  const { port } = await answering(t, (req, res) => {
    if (req.url === '/length') res.setHeader('Content-Length', '1000')
    res.write('begin')
    setTimeout(() => res.destroy(), 50)
  })
  for (const path of ['/length', '/chunked']) {
    const { status, body, code } = await client.ask(at(port, path))
    t.strictSame([status, body.toString(), code], [200, 'begin', 2], path)
  }
})

test('a client that resets its stream ends its request at the origin, and no other', async t => {
  const { client } = await front(t)
  let open = 0
  const { port } = await answering(t, (req, res) => {
    open += 1
    req.socket.on('close', () => {
      open -= 1
    })
    if (req.url === '/hang') res.write('begin')
    else setTimeout(() => res.end('slow'), 300)
  })
  const other = client.ask(at(port, '/slow'))
  const stream = client.session.request(at(port, '/hang'))
  const answer = answerOn(stream)
  stream.on('data', () => stream.close(8))
  await answer
  t.match(await other, { status: 200, code: 0 })
  for (let i = 0; i < 100 && open > 1; i++) await sleep(20)
  t.equal(open, 1, 'the connection of the other request is kept')
})

test('events are sent on as they come, and an upload may go on behind the end of the response', async t => {
  const { client } = await front(t)
  const { port } = await answering(t, (req, res) => {
    if (req.url === '/early') return void res.writeHead(413).end('too much')
    res.setHeader('Content-Type', 'text/event-stream')
    req.on('data', bytes => res.write(`data: ${bytes}\n\n`)).on('end', () => res.end())
  })
  const stream = client.session.request(at(port, '/', { ':method': 'POST' }), { endStream: false })
  for (const word of ['one', 'two']) {
    stream.write(word)
    const bytes: Buffer = await new Promise(resolve => stream.once('data', resolve))
    t.equal(bytes.toString(), `data: ${word}\n\n`)
  }
  stream.close()
  const upload = client.session.request(at(port, '/early', { ':method': 'POST' }), { endStream: false })
  upload.write('begin')
  t.match(await answerOn(upload), { status: 413, code: 0 })
})
