/** What a client of HTTP/2 may not do, and how it is stopped. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { FLAG, FRAME } from '../../core/http2/frames.js'
import { block, FLOODS, frame, HEAD_FIELDS, rawHttp2 } from '../kit/http2-frames.js'
import { origin, root, secureProxy } from '../kit/secure-proxy.js'
import { poll } from '../kit/watch.js'

async function start(t: Test, records = {}) {
  const { port } = await secureProxy(t, [], {
    records: { 'proxy.config.http2.enabled': 1, ...records },
  })
  const speak = async () => {
    const raw = await rawHttp2(port, root.certPem, 'proxy.example')
    t.teardown(raw.stop)
    return raw
  }
  return { speak }
}

for (const kind of ['settings', 'ping', 'priority', 'rst_stream', 'empty'] as const)
  test(`a flood of ${kind} frames ends the connection`, async t => {
    const { speak } = await start(t)
    const raw = await speak()
    raw.send(Buffer.concat(FLOODS[kind](1000)))
    await raw.closed
    t.ok(
      raw.frames.some(({ type }) => type === FRAME.goaway),
      'the client is told',
    )
    const other = await speak()
    other.send(frame(FRAME.ping, 0, 0, Buffer.alloc(8)))
    for (let i = 0; i < 100 && !other.frames.some(({ type }) => type === FRAME.ping); i++) await sleep(20)
    t.ok(
      other.frames.some(({ type }) => type === FRAME.ping),
      'the proxy goes on',
    )
  })

test('a flood of continuations ends the connection', async t => {
  const { speak } = await start(t)
  const raw = await speak()
  raw.send(Buffer.concat(FLOODS.continuation(1000)))
  await raw.closed
  t.notOk(raw.frames.some(({ type }) => type === FRAME.headers))
})

test('a head that grows in the decompression is refused', async t => {
  const { speak } = await start(t)
  const raw = await speak()
  // One field of 100 bytes goes into the table; then it is named by one byte, a hundred thousand times.
  const entry = Buffer.concat([Buffer.from([0x40]), block({ 'x-bomb': 'a'.repeat(100) }).subarray(1)])
  const bomb = Buffer.concat([block(HEAD_FIELDS), entry, Buffer.alloc(16_000, 0xbe)])
  for (let i = 0; i < 5; i++)
    raw.send(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 2 * i + 1, bomb.subarray(0, 16_384)))
  for (
    let i = 0;
    i < 200 && !raw.frames.some(({ type }) => type === FRAME.rstStream || type === FRAME.goaway);
    i++
  )
    await sleep(20)
  t.ok(raw.frames.some(({ type }) => type === FRAME.rstStream || type === FRAME.goaway))
  t.notOk(raw.frames.some(({ type }) => type === FRAME.headers))
})

test('a client that takes nothing of its replies loses their streams', async t => {
  const { speak } = await start(t, { 'proxy.config.http.transaction_no_activity_timeout_in': 1 })
  const raw = await speak()
  raw.send(frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]))) // a window of 0
  const ask = (id: number, path: string): void =>
    raw.send(
      frame(
        FRAME.headers,
        FLAG.endHeaders | FLAG.endStream,
        id,
        block({
          ...HEAD_FIELDS,
          ':method': 'GET',
          ':authority': `origin.example:${origin.port}`,
          ':path': path,
        }),
      ),
    )
  ask(1, '/bytes/1000000')
  ask(3, '/small')
  const resets = (): number => raw.frames.filter(({ type }) => type === FRAME.rstStream).length
  for (let i = 0; i < 400 && resets() < 2; i++) await sleep(20)
  t.equal(resets(), 2)
})

test('malformed requests reach no origin', async t => {
  const { speak } = await start(t)
  const before = origin.requests.length
  const authority = `origin.example:${origin.port}`
  const good = { ':method': 'GET', ':scheme': 'http', ':authority': authority, ':path': '/malformed' }
  const heads: Record<string, string>[] = [
    { ...good, connection: 'close' },
    { ...good, 'transfer-encoding': 'chunked' },
    { ...good, te: 'gzip' },
    { ...good, host: 'other.example' },
    { ...good, ':path': 'malformed' },
    { ...good, ':path': '' },
    { ...good, ':authority': `${authority}/x` },
    { ...good, ':authority': 'user@origin.example' },
    { ...good, ':odd': 'x' },
    { 'x-first': 'a', ...good },
    { ...good, 'X-Upper': 'a' },
    { ...good, 'x-line': 'a\r\nx: b' },
    { ...good, 'content-length': '5' },
    { ':method': 'GET', ':authority': authority, ':path': '/malformed' },
    { ...good, ':method': 'CONNECT' },
    { ...good, ':method': 'CONNECT', ':protocol': 'websocket' },
  ]
  const short = { ...good, ':method': 'POST', 'content-length': '5' }
  const whole = (head: Readonly<Record<string, string>>): readonly Buffer[] => [
    frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, block(head)),
  ]
  const withBody = (body: string): readonly Buffer[] => [
    frame(FRAME.headers, FLAG.endHeaders, 1, block(short)),
    frame(FRAME.data, FLAG.endStream, 1, Buffer.from(body)),
  ]
  for (const frames of [...heads.map(whole), withBody('four'), withBody('sixsix')]) {
    // From Node 22 on, some of them end the connection and not the stream alone.
    const raw = await speak()
    for (const bytes of frames) raw.send(bytes)
    const ends: ReadonlySet<number> = new Set([FRAME.rstStream, FRAME.headers, FRAME.goaway])
    await poll(() => raw.frames.some(({ type }) => ends.has(type)), 'an end of the stream')
  }
  const complete = origin.requests.slice(before).filter(({ isComplete }) => isComplete)
  t.strictSame(
    complete.map(({ rawHeaders }) => rawHeaders.includes('X-Upper')),
    complete.map(() => false),
  )
  t.ok(complete.length <= 1, 'at most the one whose bad field nghttp2 has dropped')
})
