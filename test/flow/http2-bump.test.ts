/** HTTP/2 inside a bumped CONNECT, and to origins that agree to it. */
import type { ServerHttp2Stream } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { FLAG, FRAME } from '../../core/http2/frames.js'
import type { startBumping } from '../kit/bumping.js'
import { httpsOrigin, testRoot } from '../kit/connecting.js'
import { at, HOST, http2Origin, inside, OTHER, speaking, start } from '../kit/http2-bumping.js'
import { answerOn } from '../kit/http2-client.js'
import { block, frame, HEAD_FIELDS, rawHttp2Origin } from '../kit/http2-frames.js'
import { poll } from '../kit/watch.js'

test('what the origin has agreed to is what the client is offered', async t => {
  const stage = await start(t)
  const [old, current] = [await httpsOrigin(t, HOST), await http2Origin(t, [HOST])]
  t.equal((await inside(t, stage, old.port)).alpnProtocol, 'http/1.1')
  t.equal((await inside(t, stage, current.port)).alpnProtocol, 'h2')
  t.equal((await inside(t, stage, current.port, ['http/1.1'])).alpnProtocol, 'http/1.1')
  t.equal(old.handshakes[0]?.alpn, 'http/1.1')
})

test('many requests of several clients share one connection to the origin', async t => {
  const stage = await start(t)
  const origin = await http2Origin(t, [HOST])
  const clients = [await speaking(t, stage, origin.port), await speaking(t, stage, origin.port)]
  const asks = clients.flatMap(client =>
    Array.from({ length: 20 }, (_, i) => client.ask(at(origin.port, `/bytes/${i * 5000}`))),
  )
  const answers = await Promise.all(asks)
  t.strictSame(new Set(answers.map(({ status, code }) => `${status} ${code}`)), new Set(['200 0']))
  t.same(
    answers.map(({ body }) => body.length),
    [...Array(40).keys()].map(i => (i % 20) * 5000),
  )
  t.equal(origin.connections, 1)
  t.strictSame(new Set(origin.seen.map(({ version }) => version)), new Set(['2.0']))
  t.match(origin.seen[0]?.headers, { ':authority': `${HOST}:${origin.port}`, via: /^2 / })
})

test('curl speaks HTTP/2 through bump, and HTTP/1.1 to the same origin where it wants to', async t => {
  const stage = await start(t)
  const { port } = await http2Origin(t, [HOST])
  const url = `https://${HOST}:${port}/`
  t.match((await stage.browse('--http2', url)).stdout, /HTTP\/2 200 .*hello over 2\.0/s)
  t.match((await stage.browse('--http1.1', url)).stdout, /HTTP\/1\.1 200 .*hello over 2\.0/s)
  const posted = await stage.browse('--http2', '-d', 'x'.repeat(100_000), `${url}echo`)
  t.equal(posted.stdout.length - posted.stdout.indexOf('xxx'), 100_000)
})

test('requests on streams are for the verified name', async t => {
  const stage = await start(t)
  const { port, seen } = await http2Origin(t, [HOST])
  const client = await speaking(t, stage, port)
  const cases: [headers: Record<string, string>, status: number][] = [
    [{}, 200],
    [{ ':authority': HOST }, 421],
    [{ ':authority': `${OTHER}:${port}` }, 421],
    [{ ':scheme': 'http' }, 421],
    [{ ':authority': `${HOST.toUpperCase()}:${port}` }, 200],
  ]
  for (const [headers, status] of cases)
    t.equal((await client.ask(at(port, '/', headers))).status, status, JSON.stringify(headers))
  const odd = await client.ask(at(port, '/', { ':authority': `${HOST}:${port}/evil` }))
  t.strictSame([odd.status, odd.code], [0, 1], 'an authority with a path is malformed')
  t.equal(seen.length, 2)
})

test('no byte of a request reaches an origin that is refused', async t => {
  const stage = await start(t, { answer: event => event.reenable(reject('policy')) })
  const origin = await http2Origin(t, [HOST])
  await t.rejects(inside(t, stage, origin.port))
  t.strictSame([origin.seen.length, origin.sessions.length], [0, 0])
})

test('gRPC: trailers, a response that begins before the request has ended, cancellation', async t => {
  const stage = await start(t)
  let aborted = 0
  const origin = await http2Origin(t, [HOST], (req, res) => {
    res.stream.on('aborted', () => {
      aborted += 1
    })
    req.stream.on('error', () => {})
    res.writeHead(200, { 'content-type': 'application/grpc' })
    req.on('data', bytes => res.write(bytes))
    req.on('end', () => {
      res.addTrailers({ 'grpc-status': '0' })
      res.end()
    })
  })
  const client = await speaking(t, stage, origin.port)
  const stream = client.session.request(
    at(origin.port, '/echo.Echo/Bidi', { ':method': 'POST', te: 'trailers' }),
    { endStream: false },
  )
  const answer = answerOn(stream)
  for (const word of ['one', 'two', 'three']) {
    stream.write(word)
    t.equal(String(await new Promise(resolve => stream.once('data', resolve))), word)
  }
  stream.end()
  t.match(await answer, { status: 200, trailers: { 'grpc-status': '0' }, code: 0 })
  t.equal(origin.seen[0]?.headers['te'], 'trailers')
  const cancelled = client.session.request(at(origin.port, '/x', { ':method': 'POST' }), { endStream: false })
  cancelled.write('begin')
  cancelled.once('data', () => cancelled.close(8))
  await answerOn(cancelled)
  for (let i = 0; i < 100 && aborted === 0; i++) await sleep(20)
  t.equal(aborted, 1)
})

test('a call that fails has its status in a head that ends the stream, as gRPC clients want it', async t => {
  const stage = await start(t)
  const { port } = await http2Origin(t, [HOST], (_req, res) => {
    res.stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true })
  })
  const client = await speaking(t, stage, port)
  const stream = client.session.request(at(port, '/', { ':method': 'POST' }))
  const flags = await new Promise(resolve => stream.once('response', (_headers, found) => resolve(found)))
  t.equal(Number(flags) & 1, 1)
})

test('interim responses have a limit', async t => {
  const stage = await start(t)
  const { port } = await http2Origin(t, [HOST], (req, res) => {
    const [count, size] = req.url === '/many' ? [1001, 1] : [130, 9000]
    for (let i = 0; i < count; i++) res.stream.additionalHeaders({ ':status': 103, 'x-a': 'a'.repeat(size) })
    res.end('ok')
  })
  const client = await speaking(t, stage, port)
  for (const path of ['/many', '/large']) {
    const { status, headers } = await client.ask(at(port, path))
    t.equal(status, 502, path)
    t.match(headers['proxy-status'], /PTC_RESPONSE_MALFORMED/)
  }
})

test('a response that the origin breaks off looks complete to no client', async t => {
  const stage = await start(t)
  const { port } = await http2Origin(t, [HOST], (req, res) => {
    if (req.url === '/short') res.setHeader('content-length', '1000')
    res.write('begin')
    setTimeout(() => {
      if (req.url === '/lost') res.stream.session?.destroy()
      else res.stream.close(req.url === '/cancel' ? 8 : 0)
    }, 50)
  })
  const client = await speaking(t, stage, port)
  const codes: Record<string, number> = { '/short': 2, '/cancel': 2, '/lost': 2, '/without-error': 0 }
  for (const [path, expected] of Object.entries(codes)) {
    const { status, body, code } = await client.ask(at(port, path))
    t.strictSame([status, body.toString(), code], [200, 'begin', expected], path)
    const old = await stage.browse('--http1.1', `https://${HOST}:${port}${path}`)
    t.equal(old.code === 0, expected === 0, `${path} for HTTP/1.1`)
  }
})

test('a connection that the origin retires takes no further request', async t => {
  const stage = await start(t)
  const origin = await http2Origin(t, [HOST])
  const client = await speaking(t, stage, origin.port)
  t.equal((await client.ask(at(origin.port, '/'))).status, 200)
  origin.sessions[0]?.close()
  await sleep(100)
  t.equal((await client.ask(at(origin.port, '/'))).status, 200)
  t.equal(origin.connections, 2)
})

test('an origin may not push, and what it pushes is refused', async t => {
  const stage = await start(t)
  const allowed: unknown[] = []
  const polite = await http2Origin(t, [HOST], (req, res) => {
    allowed.push((req.stream as ServerHttp2Stream).pushAllowed)
    res.end('ok')
  })
  t.equal((await (await speaking(t, stage, polite.port)).ask(at(polite.port, '/'))).status, 200)
  t.strictSame(allowed, [false])
  const resets: number[] = []
  const ok = block({ ':status': '200' })
  const promise = Buffer.concat([Buffer.from([0, 0, 0, 2]), block(HEAD_FIELDS)])
  const port = await rawHttp2Origin(
    t,
    await (await testRoot()).issue({ cn: HOST, sans: [HOST] }),
    ({ type, stream }, send) => {
      if (type === FRAME.rstStream) resets.push(stream)
      if (type !== FRAME.headers) return
      send(frame(FRAME.pushPromise, FLAG.endHeaders, stream, promise))
      for (const id of [2, stream]) send(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, id, ok))
    },
  )
  const client = await speaking(t, stage, port)
  t.match(await client.ask(at(port, '/')), { status: 200, body: { length: 0 } })
  await poll(() => resets.length > 0, 'the refusal')
  t.strictSame(resets, [2], 'what it pushes is refused, and reaches nothing')
})

test('a login that binds the connection goes out in HTTP/1.1, on one of its own', async t => {
  const stage = await start(t)
  const origin = await http2Origin(t, [HOST])
  const client = await speaking(t, stage, origin.port)
  const login = await client.ask(at(origin.port, '/', { authorization: 'Negotiate abc' }))
  t.equal(login.body.toString(), 'hello over 1.1')
  const other = await speaking(t, stage, origin.port)
  t.equal((await other.ask(at(origin.port, '/'))).body.toString(), 'hello over 2.0')
  t.equal(new Set(origin.seen.map(({ connection }) => connection)).size, 2)
})

test('a switch of protocol goes to the origin in HTTP/1.1', async t => {
  const stage = await start(t)
  const { port, seen } = await http2Origin(t, [HOST])
  const url = `https://${HOST}:${port}/`
  await stage.browse('--http1.1', url)
  await stage.browse('--http1.1', '-H', 'Connection: Upgrade', '-H', 'Upgrade: websocket', url)
  t.strictSame(
    seen.map(({ version, headers }) => [version, headers.upgrade]),
    [
      ['2.0', undefined],
      ['1.1', 'websocket'],
    ],
  )
})

test('HTTP/2 is off where a rule or the record says so', async t => {
  const origin = await http2Origin(t, [HOST])
  const ways: Partial<Parameters<typeof startBumping>[1]>[] = [
    { records: { 'proxy.config.http2.enabled': 0 } },
    { records: { 'proxy.config.ssl.client.alpn_protocols': 'http/1.1' } },
    { files: { 'sni.yaml': `sni: [{fqdn: ${HOST}, client_alpn: [http/1.1]}]\n` } },
  ]
  for (const way of ways) {
    const stage = await start(t, way)
    t.equal((await inside(t, stage, origin.port)).alpnProtocol, 'http/1.1', JSON.stringify(way))
  }
})
