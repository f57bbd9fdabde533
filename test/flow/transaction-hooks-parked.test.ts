/** Requests and responses that are parked, and what becomes of their bodies, their clients and their origins. */
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { rawClient, requestText } from '../kit/client.js'
import {
  HOOKS,
  later,
  nothing,
  READ_REQUEST,
  READ_RESPONSE,
  SEND_REQUEST,
  SEND_RESPONSE,
  slowly,
  TXN_CLOSE,
  yes,
} from '../kit/gate.js'
import { liveHandshakes } from '../kit/handshakes.js'
import { rawOrigin } from '../kit/raw-origin.js'
import { listen } from '../kit/running-listener.js'
import { bothOrigins, gateStage, HOST } from '../kit/start-gate.js'

test('a response that is parked waits with its body, and is not read on', async t => {
  const size = 40_000_000
  let sending: Socket | undefined
  const server = createServer(socket => {
    sending = socket.on('error', nothing)
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`)
      socket.end(Buffer.alloc(size, 'x'))
    })
  })
  const originPort = await listen(t, server)
  for (const hook of [READ_RESPONSE, SEND_RESPONSE] as const) {
    const { gate, port } = await gateStage(t, { [hook]: nothing })
    let received = 0
    const client = connect(port, '127.0.0.1', () =>
      client.write(requestText(`http://${HOST}:${originPort}/`, ['Connection: close'])),
    )
    client.on('data', bytes => {
      received += bytes.length
    })
    const ended = new Promise(resolve => client.once('end', resolve))
    const event = await gate.next(hook)
    await new Promise(resolve => setTimeout(resolve, 200))
    t.equal(received, 0, hook)
    t.ok((sending?.writableLength ?? 0) > size / 2, 'most of it is still with the origin')
    event.reenable()
    await ended
    t.ok(received > size)
    client.destroy()
  }
})

test('a parked response may arrive whole', async t => {
  const { plain } = await bothOrigins(t)
  const { gate, port } = await gateStage(t, { [READ_RESPONSE]: nothing, [SEND_RESPONSE]: slowly })
  const client = await rawClient(port)
  for (let i = 0; i < 2; i++) {
    client.send(requestText(`http://${HOST}:${plain.port}/`))
    const { reenable } = await gate.next(READ_RESPONSE, i)
    await new Promise(resolve => setTimeout(resolve, 50))
    reenable()
    t.equal((await client.response('GET')).status, 200)
  }
  client.stop()
})

for (const hook of HOOKS) {
  test(`the client leaves while it is parked at ${hook}`, async t => {
    const { secure } = await bothOrigins(t)
    const { gate, port, proxy } = await gateStage(t, { [hook]: nothing, [TXN_CLOSE]: nothing })
    const client = await rawClient(port)
    client.send(requestText(`https://${HOST}:${secure.port}/`))
    const event = await gate.next(hook)
    client.stop()
    t.match(await gate.next(TXN_CLOSE), { status: 0, error: 'PTC_CLIENT_GONE' })
    t.equal(event.signal.aborted, true)
    t.equal(event.reenable(), 'ignored')
    await proxy.stop()
    t.equal(gate.of(TXN_CLOSE).length, 1)
    t.equal(liveHandshakes(), 0)
  })
}

test('a parked request fails when its origin connection ends', async t => {
  const origin = await rawOrigin(async connection => {
    await connection.untilBytes(1)
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  })
  t.teardown(origin.stop)
  const { gate, port } = await gateStage(t, { [SEND_REQUEST]: nothing, [READ_REQUEST]: yes })
  const client = await rawClient(port)
  client.send(requestText(`http://${HOST}:${origin.port}/`))
  const first = await gate.next(SEND_REQUEST)
  ;(await origin.connection(0)).end()
  t.match(
    (await client.response('GET')).body.toString(),
    /PTC_ORIGIN_CLOSED/,
    'a new connection is not opened twice',
  )
  t.equal(first.signal.aborted, true)
  client.send(requestText(`http://${HOST}:${origin.port}/`))
  ;(await gate.next(SEND_REQUEST, 1)).reenable()
  t.equal((await client.response('GET')).status, 200)
  client.send(requestText(`http://${HOST}:${origin.port}/`))
  const pooled = await gate.next(SEND_REQUEST, 2)
  ;(await origin.connection(1)).end()
  ;(await gate.next(SEND_REQUEST, 3)).reenable()
  t.equal((await client.response('GET')).status, 200, 'one that had served before is replaced')
  t.equal(pooled.signal.aborted, true)
  t.equal(gate.of(READ_REQUEST).length, 3, 'the request is asked about once where it came in')
  client.stop()
})

test('a switch of protocols is parked like any response', async t => {
  const origin = await rawOrigin(async connection => {
    await connection.untilBytes(1)
    connection.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly')
    const head = connection.bytes().length
    await connection.untilBytes(head + 4)
    connection.send('late')
  })
  t.teardown(origin.stop)
  const { gate, port, proxy } = await gateStage(t, {
    [READ_RESPONSE]: nothing,
    [SEND_RESPONSE]: ({ headers, reenable }) => {
      headers.set('X-Switch', 'seen')
      later(reenable)
    },
  })
  const asked = requestText(`http://${HOST}:${origin.port}/`, ['Connection: Upgrade', 'Upgrade: echo'])
  const client = await rawClient(port)
  client.send(asked)
  const event = await gate.next(READ_RESPONSE)
  t.equal(event.status, 101)
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(client.text(), '')
  event.reenable()
  t.equal((await client.response('GET')).header('x-switch'), 'seen')
  client.send('ping')
  await client.until(() => (client.pending().toString() === 'earlylate' ? true : undefined), 'both')
  client.stop()
  const refused = await rawClient(port)
  refused.send(asked)
  ;(await gate.next(READ_RESPONSE, 1)).reenable(reject('policy', 'no'))
  t.equal((await refused.response('GET')).status, 502)
  refused.stop()
  const left = await rawClient(port)
  left.send(asked)
  const parked = await gate.next(READ_RESPONSE, 2)
  left.stop()
  await proxy.stop()
  t.equal(parked.signal.aborted, true)
  const connection = await origin.connection(2)
  await connection.until(() => connection.endedAt, 'the origin to be left')
})
