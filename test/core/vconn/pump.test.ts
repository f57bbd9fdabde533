import { connect, type Socket } from 'node:net'
import { test } from 'tap'
import { type PumpResult, pump } from '../../../core/vconn/pump.js'
import { TcpLink } from '../../../core/vconn/tcp-link.js'
import { FakeLink } from '../../kit/fake-link.js'
import { listen } from '../../kit/tcp-server.js'

interface Ends {
  readonly client: Socket
  readonly origin: Socket
  readonly done: Promise<PumpResult>
}

/** client <-> pump <-> origin, all of them sockets. */
async function setUp(t: import('tap').Test, idle = 5000): Promise<Ends> {
  let accept: (socket: Socket) => void = () => undefined
  const atOrigin = new Promise<Socket>(resolve => (accept = resolve))
  const originServer = await listen(socket => accept(socket))
  let onDone: (result: PumpResult) => void = () => undefined
  const done = new Promise<PumpResult>(resolve => (onDone = resolve))
  const proxy = await listen(inbound => {
    const outbound = connect({ port: originServer.port, host: '127.0.0.1', allowHalfOpen: true })
    proxy.own(outbound)
    outbound.once('connect', () =>
      pump(new TcpLink(inbound, 'client'), new TcpLink(outbound, 'origin'), idle, onDone),
    )
  })
  const client = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  proxy.own(client)
  t.teardown(() => Promise.all([proxy.stop(), originServer.stop()]))
  return { client, origin: await atOrigin, done }
}

function readAll(socket: Socket): Promise<number> {
  let bytes = 0
  socket.on('data', chunk => {
    bytes += chunk.length
  })
  return new Promise(resolve => socket.on('end', () => resolve(bytes)))
}

test('each direction ends by itself', async t => {
  const { client, origin, done } = await setUp(t)
  const up = readAll(origin)
  const down = readAll(client)
  client.end('question')
  t.equal(await up, 8)
  origin.write('ans')
  origin.end('wer!')
  t.equal(await down, 7, 'an answer comes through after the client has ended')
  t.same(await done, { bytesUp: 8, bytesDown: 7, cause: undefined })
})

test('20 MB both ways with readers that wait', async t => {
  const { client, origin, done } = await setUp(t)
  const size = 20_000_000
  client.pause()
  origin.pause()
  client.end(Buffer.alloc(size, 'a'))
  origin.end(Buffer.alloc(size, 'b'))
  await new Promise(resolve => setTimeout(resolve, 50))
  const both = Promise.all([readAll(origin), readAll(client)])
  client.resume()
  origin.resume()
  t.same(await both, [size, size])
  t.same(await done, { bytesUp: size, bytesDown: size, cause: undefined })
})

test('a side that breaks takes the other one with it', async t => {
  const { client, origin, done } = await setUp(t)
  const closed = new Promise(resolve => origin.on('close', resolve))
  origin.resume()
  client.write('x')
  await new Promise(resolve => origin.once('data', resolve))
  client.resetAndDestroy()
  t.match(await done, { bytesUp: 1, cause: { code: 'PTC_CLIENT_GONE' } })
  origin.end()
  await closed
})

test('a client that closes before the last bytes of the origin is no failure', async t => {
  const { client, origin, done } = await setUp(t)
  const ended = readAll(origin)
  const closed = new Promise(resolve => origin.on('close', resolve))
  client.end('x')
  t.equal(await ended, 1)
  client.destroy()
  const talk = setInterval(() => origin.write('what it does not wait for'), 5)
  t.match(await done, { bytesUp: 1, cause: undefined })
  clearInterval(talk)
  origin.end()
  await closed
})

test('silence in both directions ends it', async t => {
  const { client, origin, done } = await setUp(t, 1500)
  client.resume()
  origin.resume()
  const ended = done.then(() => true)
  const silent = new Promise<false>(resolve => {
    let beats = 0
    // Bytes move for longer than the limit, at intervals that are far shorter, also where the processor is busy.
    const beat = setInterval(() => {
      client.write('.')
      if (++beats < 20) return
      clearInterval(beat)
      resolve(false)
    }, 100)
  })
  t.equal(await Promise.race([silent, ended]), false, 'but not while bytes move in one')
  t.match(await done, { cause: { code: 'PTC_TUNNEL_IDLE' } })
})

test('an idle tunnel ends at both ends, also where the end of one throws', async t => {
  const [client, origin] = [new FakeLink(), new FakeLink()]
  const destroy = client.destroy.bind(client)
  client.destroy = why => {
    destroy(why)
    throw new Error('oops')
  }
  const { cause } = await new Promise<PumpResult>(resolve => pump(client, origin, 20, resolve))
  t.equal(cause?.code, 'PTC_TUNNEL_IDLE')
  t.ok(origin.isClosed)
})
