/** Extended CONNECT (RFC 8441) to origins of HTTP/2: which origins are asked on a stream, and what becomes of the answer. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http2'
import { createServer as createTlsServer } from 'node:tls'
import { test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { testRoot } from '../kit/connecting.js'
import { HookGate } from '../kit/gate.js'
import { at, HOST, inside, speaking, start } from '../kit/http2-bumping.js'
import { answerOn } from '../kit/http2-client.js'
import { guardServer } from '../kit/tcp-server.js'
import { poll } from '../kit/watch.js'
import { acceptOf, echoFrames, WEB_SOCKET_KEY } from '../kit/web-socket.js'
import {
  accepting,
  asks,
  exchangesFrames,
  headOn,
  opens,
  upgrade,
  webSocketOrigin,
} from '../kit/web-socket-streams.js'

test('a WebSocket on a stream of a client goes to its origin on a stream', async t => {
  const origin = await webSocketOrigin(t, accepting)
  const client = await speaking(t, await start(t), origin.port)
  const one = async (): Promise<void> => {
    const stream = asks(client, origin.port)
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    t.match(headers, { ':status': 200, 'sec-websocket-protocol': 'chat' })
    t.equal(headers['sec-websocket-accept'], undefined)
    await exchangesFrames(t, stream)
    stream.end()
    await once(stream, 'close')
    t.equal(stream.rstCode, 0, 'an end is an end')
  }
  await Promise.all([one(), one()])
  t.equal(origin.connects.length, 2)
  t.match(origin.connects[0], { ':protocol': 'websocket', ':path': '/chat?room=1', ':scheme': 'https' })
  for (const name of ['sec-websocket-key', 'upgrade', 'connection'])
    t.equal(origin.connects[0]?.[name], undefined)
  t.equal((await client.ask(at(origin.port, '/'))).status, 200)
  t.strictSame([origin.connections.length, origin.upgrades], [1, []], 'on the connection of the requests')
})

test('an upgrade in HTTP/1.1 goes on a stream, too, and its key is answered by the proxy', async t => {
  const origin = await webSocketOrigin(t, accepting, { settings: { maxConcurrentStreams: 1 } })
  const stage = await start(t)
  for (let i = 0; i < 2; i++) {
    const socket = await inside(t, stage, origin.port, ['http/1.1'])
    socket.write(upgrade(origin.port)) // perhaps before the origin's settings have come
    const { head, rest } = await headOn(socket)
    const [status, ...fields] = head.toLowerCase().split('\r\n')
    t.equal(status, 'http/1.1 101 switching protocols')
    const accept = `sec-websocket-accept: ${acceptOf(WEB_SOCKET_KEY).toLowerCase()}`
    for (const line of [accept, 'upgrade: websocket'])
      t.equal(fields.filter(field => field === line).length, 1, line)
    await exchangesFrames(t, socket, rest)
    socket.end()
    await once(socket, 'close')
  }
  t.strictSame([origin.connects.length, origin.upgrades, origin.connections.length], [2, [], 1])
})

test('an origin that does not announce extended CONNECT is asked in HTTP/1.1', async t => {
  const origin = await webSocketOrigin(t, accepting, { settings: { enableConnectProtocol: false } })
  const stage = await start(t)
  const socket = await inside(t, stage, origin.port, ['http/1.1'])
  socket.write(upgrade(origin.port))
  t.match((await headOn(socket)).head, /^HTTP\/1\.1 101 /)
  await opens(await speaking(t, stage, origin.port), origin.port)
  t.strictSame([origin.connects.length, origin.upgrades.length], [0, 2])
})

test('an origin that has sent no settings for a second is asked in HTTP/1.1', async t => {
  const leaf = await (await testRoot()).issue({ cn: HOST, sans: [HOST] })
  const http1 = createServer().on('upgrade', echoFrames)
  const server = createTlsServer({ cert: leaf.chainPem, key: leaf.keyPem, ALPNProtocols: ['h2', 'http/1.1'] })
  const chosen: unknown[] = []
  server.on('secureConnection', socket => {
    socket.on('error', () => {})
    chosen.push(socket.alpnProtocol)
    if (socket.alpnProtocol === 'h2') socket.resume()
    else http1.emit('connection', socket)
  })
  const { port, stop } = await guardServer(server)
  t.teardown(stop)
  const socket = await inside(t, await start(t), port, ['http/1.1'])
  socket.write(upgrade(port))
  const { head, rest } = await headOn(socket)
  t.match(head, /^HTTP\/1\.1 101 /)
  await exchangesFrames(t, socket, rest)
  t.strictSame(chosen, ['h2', 'http/1.1'])
})

test('an origin that speaks HTTP/2 alone, and announces nothing, is a clear 502', async t => {
  const settings = { enableConnectProtocol: false }
  const origin = await webSocketOrigin(t, accepting, { settings, allowHTTP1: false })
  const client = await speaking(t, await start(t), origin.port)
  const { status, headers } = await answerOn(asks(client, origin.port))
  t.equal(status, 502)
  t.match(headers['proxy-status'], /PTC_HANDSHAKE_ALERT: .* alert 120 \(.*no application protocol/)
  t.strictSame([origin.connects.length, origin.upgrades.length], [0, 0])
  t.equal((await client.ask(at(origin.port, '/'))).status, 200, 'other requests go on')
})

test('what is no plain WebSocket is asked in HTTP/1.1', async t => {
  const origin = await webSocketOrigin(t, accepting)
  const stage = await start(t)
  const odd = [
    upgrade(origin.port, 'too short'),
    upgrade(origin.port).replace('Upgrade: websocket', 'Upgrade: websocket, other'),
    upgrade(origin.port).replace('Upgrade: websocket', 'Upgrade: other'),
    upgrade(origin.port).replace('GET ', 'POST ').replace('Host', 'Content-Length: 0\r\nHost'),
  ]
  for (const text of odd) {
    const socket = await inside(t, stage, origin.port, ['http/1.1'])
    socket.write(text)
    await headOn(socket)
  }
  t.strictSame([origin.connects.length, origin.upgrades.length], [0, odd.length])
})

test('a refusal is an answer, a reset a failure, and no other stream ends', async t => {
  const origin = await webSocketOrigin(t, (stream, { ':path': path }) => {
    if (path === '/reset') return stream.close(2)
    if (path === '/ended') return stream.respond({ ':status': 200 }, { endStream: true })
    stream.respond({ ':status': path === '/no' ? 403 : 200 })
    if (path === '/no') return void stream.end('no')
    stream.write('first')
    setTimeout(() => stream.close(2), 20)
  })
  const client = await speaking(t, await start(t), origin.port)
  const other = client.session.request(at(origin.port, '/hang'))
  other.on('error', () => {})
  const to = (path: string) => answerOn(asks(client, origin.port, path))
  const refused = await to('/no')
  t.strictSame([refused.status, String(refused.body)], [403, 'no'])
  t.equal((await to('/reset')).status, 502)
  const ended = asks(client, origin.port, '/ended')
  const answer = answerOn(ended)
  await once(ended, 'response')
  ended.end()
  t.match(await answer, { status: 200, body: { length: 0 }, code: 0 })
  const cut = await to('/cut')
  t.strictSame([cut.status, cut.code], [200, 8], 'RFC 8441 section 5: CANCEL')
  t.equal(other.closed, false)
  other.close()
  t.equal(origin.connections.length, 1)
})

test('an origin that wants HTTP/1.1 for it gets it, and one that has not processed it is asked again', async t => {
  for (const [code, again] of [
    [0xd, 'http/1.1'],
    [7, 'h2'],
  ] as const) {
    let count = 0
    const origin = await webSocketOrigin(t, (stream, headers) => {
      count += 1
      if (count === 1) stream.close(code)
      else accepting(stream, headers)
    })
    const client = await speaking(t, await start(t), origin.port)
    await exchangesFrames(t, await opens(client, origin.port))
    const is = again === 'h2'
    t.strictSame([origin.connects.length, origin.upgrades.length], is ? [2, 0] : [1, 1], again)
  }
})

test('nothing is asked of an origin before it was accepted, or after it was rejected', async t => {
  const origin = await webSocketOrigin(t, accepting)
  let accept: (() => unknown) | undefined
  const stage = await start(t, {
    answer: ({ reenable }) => {
      accept = reenable
    },
  })
  const opening = inside(t, stage, origin.port, ['http/1.1'])
  const held = await poll(() => accept, 'a question')
  t.strictSame([origin.connections.length, origin.connects.length], [0, 0])
  held()
  const socket = await opening
  socket.write(upgrade(origin.port))
  t.match((await headOn(socket)).head, /^HTTP\/1\.1 101 /)

  const rejecting = await start(t, { answer: ({ reenable }) => void reenable(reject('policy')) })
  const rejected = await webSocketOrigin(t, accepting)
  const cause: unknown = await inside(t, rejecting, rejected.port).catch((e: unknown) => e)
  t.match(cause, { code: /ALERT_ACCESS_DENIED$/ })
  t.strictSame([rejected.connections.length, rejected.connects.length], [0, 0])
})

test('plugins see it as a GET and its 101, may hold both, and bytes behind wait', async t => {
  const origin = await webSocketOrigin(t, stream => {
    stream.respond({ ':status': 200 })
    stream.write('at once')
  })
  const shown: unknown[] = []
  const gate = new HookGate({
    TS_HTTP_SEND_REQUEST_HDR_HOOK: ({ method, headers, reenable }) => {
      shown.push(method, headers.get('upgrade'))
      setTimeout(reenable, 5)
    },
    TS_HTTP_READ_RESPONSE_HDR_HOOK: ({ status, headers, reenable }) => {
      shown.push(status, headers.get('upgrade'))
      setTimeout(reenable, 5)
    },
  })
  const stage = await start(t, { clientGates: [gate] })
  const socket = await inside(t, stage, origin.port, ['http/1.1'])
  socket.write(upgrade(origin.port))
  const { head, rest } = await headOn(socket)
  t.match(head, /^HTTP\/1\.1 101 /)
  let text = rest.toString()
  socket.on('data', (more: Buffer) => {
    text += more.toString()
  })
  await poll(() => text === 'at once' || undefined, 'what came while the response was held')
  t.equal(origin.connects.length, 1)
  t.strictSame(shown, ['GET', 'websocket', 101, 'websocket'])
})

test('what a plugin refuses, and what its client leaves, ends at the origin, too', async t => {
  const origin = await webSocketOrigin(t, accepting)
  const gate = new HookGate({
    TS_HTTP_READ_RESPONSE_HDR_HOOK: ({ reenable }, count) => {
      if (count === 1) reenable(reject('policy', 'not this one'))
    },
  })
  const client = await speaking(t, await start(t, { clientGates: [gate] }), origin.port)
  const refused = await answerOn(asks(client, origin.port))
  t.equal(refused.status, 502)
  const left = asks(client, origin.port)
  await gate.next('TS_HTTP_READ_RESPONSE_HDR_HOOK', 1)
  left.close(8)
  await poll(
    () => (origin.streams.length === 2 && origin.streams.every(({ closed }) => closed)) || undefined,
    'ends',
  )
  t.strictSame(
    origin.streams.map(({ rstCode }) => rstCode),
    [8, 8],
  )
})
