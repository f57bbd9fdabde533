import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { ask, listen, raw, startListener } from '../../../kit/running-listener.js'
import { poll } from '../../../kit/watch.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

/** An origin of node:http, with the number of connections it has seen. */
async function origin(t: Parameters<typeof listen>[0], handler: Handler) {
  const server = createServer(handler)
  const seen = { connections: 0 }
  server.on('connection', () => {
    seen.connections += 1
  })
  server.on('checkContinue', (req, res) => {
    res.writeContinue()
    handler(req, res)
  })
  const port = await listen(t, server)
  return { port, seen, url: `http://127.0.0.1:${port}` }
}

/** An origin that answers every connection's first bytes with `answer` and does nothing more unless told to. */
async function rawOrigin(
  t: Parameters<typeof listen>[0],
  onBytes: (socket: Socket, n: number, text: string) => void,
) {
  let connections = 0
  const server = createTcpServer(socket => {
    connections += 1
    const n = connections
    socket.on('error', () => socket.destroy())
    socket.on('data', bytes => onBytes(socket, n, bytes.toString('latin1')))
  })
  const port = await listen(t, server)
  return { port, url: `http://127.0.0.1:${port}`, count: () => connections }
}

test('a GET goes through', async t => {
  const { url, port: originPort } = await origin(t, (req, res) => {
    res.setHeader('Set-Cookie', ['a=1', 'b=2'])
    res.setHeader('X-Seen', JSON.stringify(req.rawHeaders))
    res.end(`${req.method} ${req.url}`)
  })
  const { port, done } = await startListener(t)
  const answer = await ask(port, `${url}/a/../b?c=%2F`, {
    headers: { 'X-A': ['1', '2'], host: 'other.example' },
  })
  t.equal(answer.status, 200)
  t.equal(answer.body, 'GET /a/../b?c=%2F', 'with its path as it was')
  t.same(answer.headers['set-cookie'], ['a=1', 'b=2'], 'with duplicates kept')
  t.match(answer.headers.via, /^1\.1 portcullis-test-[0-9a-f]{8}$/)
  const seen: string[] = JSON.parse(String(answer.headers['x-seen']))
  t.equal(seen[1], `127.0.0.1:${originPort}`, 'the Host field says what the request-target said')
  t.same(seen.filter(name => name === 'X-A').length, 2)
  t.match(done, [{ status: 200, bytesDown: 17, isReused: false, error: undefined }])
})

test('requests share a connection to the origin', async t => {
  const { url, seen } = await origin(t, (_, res) => res.end('x'))
  const { port, connector, done } = await startListener(t)
  for (let i = 0; i < 5; i++) t.equal((await ask(port, `${url}/${i}`)).status, 200)
  t.equal(seen.connections, 1)
  t.equal(connector.idleConnections, 1)
  t.same(
    done.map(d => d.isReused),
    [false, true, true, true, true],
  )
})

test('a client connection serves several requests', async t => {
  const { url } = await origin(t, (req, res) => res.end(req.url))
  const { port } = await startListener(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  for (const path of ['/1', '/2', '/3']) t.equal((await ask(port, url + path, { agent })).body, path)
  const pipelined = `GET ${url}/a HTTP/1.1\r\nHost: x\r\n\r\nGET ${url}/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
  t.match(await raw(port, pipelined), /\/a.*\/b/s, 'pipelined ones are answered in order')
})

test('bodies of requests', async t => {
  const { url, seen } = await origin(t, (req, res) => {
    const framing = req.headers['transfer-encoding'] ?? req.headers['content-length'] ?? 'none'
    let body = ''
    req.on('data', chunk => {
      body += chunk
    })
    req.on('end', () => res.end(`${framing} ${body} ${JSON.stringify(req.trailers)}`))
  })
  const { port } = await startListener(t)
  t.equal((await ask(port, url, { method: 'POST', body: 'abc' })).body, '3 abc {}')
  t.equal(
    (await ask(port, url, { method: 'POST', body: '', headers: { 'content-length': '0' } })).body,
    '0  {}',
  )
  const head = `POST ${url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`
  t.match(
    await raw(port, `${head}3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n`),
    /chunked abcde \{"t":"1"\}/,
    'chunked, with trailers',
  )
  t.equal(seen.connections, 1, 'the connection is reused after each')
})

test('bodies of responses', async t => {
  const answers: Record<string, string> = {
    '/close': 'HTTP/1.1 200 OK\r\n\r\nuntil the end',
    '/old': 'HTTP/1.0 200 OK\r\n\r\nold',
    '/chunked':
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n',
    '/204': 'HTTP/1.1 204 No Content\r\n\r\n',
    '/304': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: "x"\r\n\r\n',
    '/head': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n',
  }
  const { url, count } = await rawOrigin(t, (socket, _, text) => {
    const path = text.split(' ')[1] ?? ''
    socket.write(answers[path] ?? 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
    if (path === '/close' || path === '/old') socket.end()
  })
  const { port } = await startListener(t)
  t.match(await ask(port, `${url}/204`), { status: 204, body: '' })
  t.match(await ask(port, `${url}/304`), { status: 304, body: '', headers: { etag: '"x"' } })
  t.match(await ask(port, `${url}/head`, { method: 'HEAD' }), {
    status: 200,
    body: '',
    headers: { 'content-length': '10' },
  })
  t.match(await ask(port, `${url}/chunked`), { body: 'abc', trailers: { t: '1' } })
  t.equal(count(), 1, 'all of these keep the connection')
  t.match(await ask(port, `${url}/close`), {
    body: 'until the end',
    headers: { 'transfer-encoding': 'chunked' },
  })
  t.match(await ask(port, `${url}/old`), { body: 'old' })
  const plain = await raw(port, `GET ${url}/chunked HTTP/1.0\r\n\r\n`)
  t.match(plain, /\r\n\r\nabc$/, 'a client of HTTP/1.0 receives it without chunks')
  t.notMatch(plain, /Trailer/i)
})

test('an origin that closes early', async t => {
  const { url } = await rawOrigin(t, (socket, _, text) => {
    if (text.includes('/nothing')) socket.end()
    else if (text.includes('/head')) socket.end('HTTP/1.1 200 OK\r\nCont')
    else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
  })
  const { port } = await startListener(t)
  t.match(await ask(port, `${url}/nothing`), {
    status: 502,
    headers: { 'proxy-status': /connection_terminated/ },
  })
  t.match(await ask(port, `${url}/head`), { status: 502 })
  await t.rejects(
    ask(port, `${url}/body`),
    { code: 'ECONNRESET' },
    'within a body: the client is cut off too',
  )
})

test('bytes after a response spoil the connection', async t => {
  const { url, count } = await rawOrigin(t, socket => {
    socket.write(
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison',
    )
  })
  const { port } = await startListener(t)
  t.equal((await ask(port, url)).body, 'x')
  t.equal((await ask(port, url)).body, 'x', 'the second request gets an answer of its own')
  t.equal(count(), 2)
})

test('bytes on an idle connection spoil it', async t => {
  let idle: Socket | undefined
  const { url, count } = await rawOrigin(t, socket => {
    idle = socket
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx')
  })
  const { port, connector } = await startListener(t)
  t.equal((await ask(port, url)).body, 'x')
  t.equal(connector.idleConnections, 1)
  idle?.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison')
  await poll(() => connector.idleConnections === 0 || undefined, 'the spoilt connection to be dropped')
  t.equal((await ask(port, url)).body, 'x')
  t.equal(count(), 2)
})

test('a client that leaves in the middle of a response takes the origin connection with it', async t => {
  const closed = new Promise<void>(resolve => {
    t.context.resolve = resolve
  })
  const { url } = await origin(t, (_, res) => {
    res.writeHead(200)
    res.write('x'.repeat(1000))
    res.on('close', t.context.resolve)
  })
  const { port, done } = await startListener(t)
  await raw(port, `GET ${url}/ HTTP/1.1\r\nHost: x\r\n\r\n`, 'xxx')
  await closed
  await poll(() => done.length === 1, 'the end of the request')
  t.match(done, [{ error: { code: 'PTC_CLIENT_GONE' } }])
})

test('a client that leaves in the middle of its body takes the origin connection with it', async t => {
  let aborted = 0
  const { url } = await origin(t, req => {
    req.resume()
    req.on('aborted', () => (aborted += 1))
  })
  const { port, done } = await startListener(t)
  const socket = connect(port, '127.0.0.1')
  socket.write(`POST ${url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc`)
  await sleep(100)
  socket.destroy()
  await poll(() => aborted === 1 && done.length === 1, 'the abort and the end of the request')
  t.match(done, [{ status: 0, bytesUp: 3, error: { code: 'PTC_CLIENT_GONE' } }])
})

test('an origin that stays silent', async t => {
  const { url } = await rawOrigin(t, () => {})
  const { port } = await startListener(t, { forwarder: { idleTimeout: 60 } })
  t.match(await ask(port, url), { status: 504, headers: { 'proxy-status': /http_response_timeout/ } })
})

test('an origin that is not there', async t => {
  const { port } = await startListener(t)
  t.match(await ask(port, 'http://127.0.0.1:1/'), {
    status: 502,
    headers: { 'proxy-status': /connection_refused/ },
  })
})

test('a response that comes slowly is passed on as it comes', async t => {
  const { url } = await origin(t, (_, res) => {
    res.flushHeaders()
  })
  const { port } = await startListener(t)
  t.match(
    await raw(port, `GET ${url}/ HTTP/1.1\r\nHost: x\r\n\r\n`, '\r\n\r\n'),
    /^HTTP\/1\.1 200 OK/,
    'its head alone',
  )
})
