/** WebSockets on streams to origins (RFC 8441): their ends, their back-pressure, and what is said of them afterwards. */
import { once } from 'node:events'
import type { Http2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { at, inside, speaking, start } from '../kit/http2-bumping.js'
import type { Http2Client } from '../kit/http2-client.js'
import { poll } from '../kit/watch.js'
import {
  accepted,
  accepting,
  exchangesFrames,
  headOn,
  opens,
  upgrade,
  type WebSocketOrigin,
  webSocketOrigin,
} from '../kit/web-socket-streams.js'

const PIECE = Buffer.alloc(16_384, 'x')
const PIECES = 2048

const streamOf = ({ streams }: WebSocketOrigin, index = 0) =>
  poll(() => streams[index], 'a stream to the origin')

/** The two ends of a new WebSocket, that of `first` first. */
async function sidesOf(
  client: Http2Client,
  origin: WebSocketOrigin,
  first: 'client' | 'origin',
): Promise<readonly [Http2Stream, Http2Stream]> {
  const index = origin.streams.length
  const stream = await opens(client, origin.port)
  const far = await streamOf(origin, index)
  return first === 'client' ? [stream, far] : [far, stream]
}

/** What comes, in order. */
function events(stream: Duplex): string[] {
  const seen: string[] = []
  stream.on('data', (bytes: Buffer) => seen.push(bytes.toString()))
  for (const name of ['aborted', 'end', 'close']) stream.on(name, () => seen.push(name))
  return seen
}

const until = (seen: readonly string[], what: string) => poll(() => seen.includes(what) || undefined, what)

test('each side may end its direction, and the other one goes on', async t => {
  const origin = await webSocketOrigin(t, accepted)
  const client = await speaking(t, await start(t), origin.port)
  for (const first of ['client', 'origin'] as const) {
    const [ender, other] = await sidesOf(client, origin, first)
    const [atEnder, atOther] = [events(ender), events(other)]
    ender.end('last words')
    await until(atOther, 'end')
    t.strictSame(atOther, ['last words', 'end'])
    other.write('later')
    await until(atEnder, 'later')
    other.end()
    await until(atOther, 'close')
    await until(atEnder, 'close')
    t.strictSame(atEnder, ['later', 'end', 'close'], first)
    t.strictSame([ender.rstCode, other.rstCode], [0, 0])
  }
  t.equal(origin.connections.length, 1)
})

test('a reset is passed on as a reset, and no end goes before it', async t => {
  const origin = await webSocketOrigin(t, accepted)
  const client = await speaking(t, await start(t), origin.port)
  for (const first of ['client', 'origin'] as const) {
    const [ender, other] = await sidesOf(client, origin, first)
    const seen = events(other)
    ender.write('words')
    await until(seen, 'words')
    ender.close(8)
    await until(seen, 'close')
    t.equal(seen[1], 'aborted', first)
    t.equal(other.rstCode, 8, 'RFC 8441 section 5: CANCEL')
    await sleep(1) // Node 20: see answerOn of the kit
  }
  t.equal((await client.ask(at(origin.port, '/'))).status, 200)
  t.equal(origin.connections.length, 1, 'no other stream ends')
})

test('an origin that leaves ends no WebSocket as if it was complete', async t => {
  const origin = await webSocketOrigin(t, accepting)
  const stage = await start(t)
  const socket = await inside(t, stage, origin.port, ['http/1.1'])
  socket.write(upgrade(origin.port))
  await exchangesFrames(t, socket, (await headOn(socket)).rest)
  const client = await speaking(t, stage, origin.port)
  const stream = await opens(client, origin.port)
  socket.on('error', () => {})
  const [onSocket, onStream] = [events(socket), events(stream)]
  t.equal(origin.connects.length, 2)
  for (const connection of origin.connections) connection.destroy()
  await until(onSocket, 'close')
  await until(onStream, 'close')
  t.equal(onStream[0], 'aborted')
  t.not(stream.rstCode, 0)
})

test('behind a GOAWAY of the origin a WebSocket goes on, and the next one goes elsewhere', async t => {
  const origin = await webSocketOrigin(t, accepting)
  const client = await speaking(t, await start(t), origin.port)
  const stream = await opens(client, origin.port)
  const [session] = origin.sessions
  session?.close()
  await exchangesFrames(t, stream) // the answer came behind the GOAWAY
  await exchangesFrames(t, await opens(client, origin.port))
  t.strictSame([origin.connects.length, origin.upgrades.length], [1, 1])
  stream.end()
  await once(stream, 'close')
  await poll(() => session?.destroyed || undefined, 'the end of the connection, with its last stream')
})

/** Writes pieces as fast as they are taken. */
function fill(stream: Duplex): { readonly taken: () => number } {
  let taken = 0
  const write = (): void => {
    while (taken < PIECES) {
      taken += 1
      if (!stream.write(PIECE)) return void stream.once('drain', write)
    }
    stream.end()
  }
  write()
  return { taken: () => taken }
}

/** The count, once it has not grown for half a second. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; ; ) {
    const now = count()
    if (now === before) return now
    before = now
    await sleep(500)
  }
}

async function waits(t: Test, from: Duplex, to: Duplex, what: string): Promise<void> {
  const { taken } = fill(from)
  const stopped = await settled(taken)
  t.ok(stopped < PIECES / 2, `${what}: ${stopped} of ${PIECES} pieces were taken`)
  let bytes = 0
  to.on('data', (more: Buffer) => {
    bytes += more.length
  })
  to.resume()
  await once(to, 'end')
  t.equal(bytes, PIECES * PIECE.length, what)
}

test('a side that takes nothing stops the other one, and gets all in the end', async t => {
  const origin = await webSocketOrigin(t, accepted)
  const client = await speaking(t, await start(t), origin.port)
  const stream = await opens(client, origin.port)
  const far = (await streamOf(origin)).pause() // Node's servers reset what was never read
  await waits(t, far, stream, 'from the origin')
  await waits(t, stream, far, 'to the origin')
})

test('a stream that waits delays no other one of its connection', async t => {
  const origin = await webSocketOrigin(t, (stream, headers) => {
    if (headers[':path'] === '/fill') accepted(stream, headers)
    else accepting(stream, headers)
  })
  const stage = await start(t)
  const [slow, other] = [await speaking(t, stage, origin.port), await speaking(t, stage, origin.port)]
  await opens(slow, origin.port, '/fill') // reads nothing
  await settled(fill(await streamOf(origin)).taken)
  await exchangesFrames(t, await opens(other, origin.port))
  t.equal(origin.connections.length, 1)
})

test('the log has it as the GET and the 101 that plugins see, with its bytes and its end', async t => {
  const origin = await webSocketOrigin(t, accepted)
  const stage = await start(t, {
    records: {
      'proxy.config.log.logging_enabled': 3,
      'proxy.config.log.filename': 'stdout',
      'proxy.config.log.format': 'json',
    },
  })
  const lineOf = async (path: string): Promise<unknown> => {
    const { input } = await stage.proxy.until(new RegExp(`^\\{"time".*${path}.*$`, 'm'))
    return JSON.parse(
      /^\{"time".*$/gm.exec(input.slice(input.lastIndexOf('{"time"', input.indexOf(path))))?.[0] ?? '',
    )
  }
  const socket = await inside(t, stage, origin.port, ['http/1.1'])
  socket.write(upgrade(origin.port))
  await headOn(socket)
  socket.resume()
  socket.end('12345')
  const far = await streamOf(origin)
  far.resume()
  far.end('1234567')
  t.match(await lineOf('/chat"'), {
    ...{ method: 'GET', version: '1.1', status: 101, bytes: { up: 5, down: 7 }, error: null },
    origin: { address: `127.0.0.1:${origin.port}`, status: 101, tls: 'TLSv1.3' },
    certificate: { verdict: 'accepted' },
  })
  const client = await speaking(t, stage, origin.port)
  const cut = await opens(client, origin.port, '/cut')
  cut.resume()
  ;(await streamOf(origin, 1)).close(2)
  t.match(await lineOf('/cut"'), {
    ...{ method: 'GET', version: '2', status: 200, bytes: { up: 0, down: 0 } },
    ...{ error: { code: 'PTC_ORIGIN_CLOSED' }, origin: { status: 101, reused: true } },
  })
})

test('a proxy that stops waits for no WebSocket beyond its grace', async t => {
  const origin = await webSocketOrigin(t, accepting)
  const stage = await start(t)
  const client = await speaking(t, stage, origin.port)
  const seen = events(await opens(client, origin.port))
  const stopped = stage.proxy.server.stop(100)
  await until(seen, 'close')
  await stopped
  await poll(() => origin.streams.every(({ closed }) => closed) || undefined, 'the end at the origin')
})
