/** What a client of HTTP/2 may not do, and how it is stopped. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { FLOODS as FLOODS_SEEN } from '../../core/base/floods.js'
import { FLAG, FRAME } from '../../core/http2/frames.js'
import { testRoot } from '../kit/connecting.js'
import { at, HOST, speaking, start as startBump } from '../kit/http2-bumping.js'
import { block, FLOODS, frame, HEAD_FIELDS, PROVOKED, rawHttp2, rawHttp2Origin } from '../kit/http2-frames.js'
import { origin, root, secureProxy } from '../kit/secure-proxy.js'
import { poll } from '../kit/watch.js'

async function start(t: Test, records = {}) {
  const { port, proxy } = await secureProxy(t, [], {
    records: { 'proxy.config.http2.enabled': 1, ...records },
  })
  const speak = async () => {
    const raw = await rawHttp2(port, root.certPem, 'proxy.example')
    t.teardown(raw.stop)
    return raw
  }
  return { speak, proxy }
}

for (const kind of ['settings', 'ping', 'priority', 'rst_stream', 'empty'] as const)
  test(`a flood of ${kind} frames ends the connection`, async t => {
    const { speak } = await start(t)
    const before = FLOODS_SEEN.get(`client ${kind}`)?.count ?? 0
    const raw = await speak()
    raw.send(Buffer.concat(FLOODS[kind](1000)))
    await raw.closed
    t.ok(
      raw.frames.some(({ type }) => type === FRAME.goaway),
      'the client is told',
    )
    t.equal(FLOODS_SEEN.get(`client ${kind}`)?.count, before + 1, 'it is counted')
    const other = await speak()
    other.send(frame(FRAME.ping, 0, 0, Buffer.alloc(8)))
    for (let i = 0; i < 100 && !other.frames.some(({ type }) => type === FRAME.ping); i++) await sleep(20)
    t.ok(
      other.frames.some(({ type }) => type === FRAME.ping),
      'the proxy goes on',
    )
  })

for (const [mistake, flood] of Object.entries(PROVOKED))
  test(`streams that have to be reset for ${mistake} count as resets of the client`, async t => {
    const { speak } = await start(t)
    const few = await speak()
    few.send(Buffer.concat(flood(20)))
    const sent = (wanted: number): number => few.frames.filter(({ type }) => type === wanted).length
    await poll(() => sent(FRAME.rstStream) === 20 || sent(FRAME.goaway) > 0, 'the resets')
    // Newer versions of Node, such as 24.21, end the connection at the first mistake of some kinds.
    if (sent(FRAME.goaway) > 0) return void t.equal(sent(FRAME.data), 0)
    few.send(frame(FRAME.ping, 0, 0, Buffer.alloc(8)))
    await poll(() => few.frames.some(({ type }) => type === FRAME.ping), 'some are no flood')
    const before = FLOODS_SEEN.get('client rst_stream')?.count ?? 0
    const raw = await speak()
    const frames = flood(600)
    const send = async (): Promise<void> => {
      for (let i = 0; i < frames.length; i += 40) {
        raw.send(Buffer.concat(frames.slice(i, i + 40)))
        await sleep(2) // a client that waits for nothing has more streams than it may
      }
    }
    await Promise.all([raw.closed, send()])
    t.ok(raw.frames.some(({ type }) => type === FRAME.goaway))
    t.equal(FLOODS_SEEN.get('client rst_stream')?.count, before + 1, 'it is counted')
  })

/** As newer versions of Node have it. */
const coded = (name: string): string => name.toUpperCase().replaceAll(' ', '_')

test('a client that does not keep to HTTP/2 stands in the log, with what it did', async t => {
  const { speak, proxy } = await start(t, {
    'proxy.config.log.logging_enabled': 3,
    'proxy.config.log.filename': 'stdout',
    'proxy.config.log.format': 'json',
  })
  const mistakes = {
    'Protocol error': frame(FRAME.windowUpdate, 0, 0, Buffer.alloc(4)),
    FRAME_SIZE_ERROR: frame(FRAME.settings, 0, 0, Buffer.alloc(5)),
    'Flow control error': Buffer.concat([
      frame(FRAME.headers, FLAG.endHeaders, 1, block(HEAD_FIELDS)),
      frame(FRAME.windowUpdate, 0, 1, Buffer.from([0x7f, 0xff, 0xff, 0xff])),
    ]),
    COMPRESSION_ERROR: frame(FRAME.headers, FLAG.endHeaders, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])),
  }
  for (const [name, bytes] of Object.entries(mistakes)) {
    const raw = await speak()
    raw.send(bytes)
    await raw.closed
    const isNamed = (text: string): boolean => text.includes(`(${name})`) || text.includes(`(${coded(name)})`)
    await poll(() => isNamed(proxy.output()), `a line about ${name}`)
  }
  const lines = proxy.output().match(/.*does not keep to HTTP.*/g) ?? []
  t.equal(lines.length, 4, 'one each')
  t.ok(lines.every(line => line.includes('PTC_REQUEST_MALFORMED')))
  const calm = await speak()
  calm.send(frame(FRAME.goaway, 0, 0, Buffer.alloc(8)))
  await calm.closed
  t.equal(proxy.output().match(/does not keep to HTTP/g)?.length, 4, 'a client that says good-bye is none')
})

test('a ping for each part of a body, one at a time, is no flood', async t => {
  const { speak } = await start(t)
  const raw = await speak()
  raw.send(frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff])))
  raw.send(frame(FRAME.windowUpdate, 0, 0, Buffer.from([0x7f, 0, 0, 0])))
  let [isWaiting, pings, ended] = [false, 0, false]
  raw.onFrame = ({ type, flags }) => {
    if (type === FRAME.ping) isWaiting = false
    if (type !== FRAME.data) return
    ended ||= (flags & FLAG.endStream) !== 0
    if (isWaiting || ended) return
    isWaiting = true
    pings += 1
    raw.send(frame(FRAME.ping, 0, 0, Buffer.alloc(8)))
  }
  for (let id = 1; pings <= 100; id += 2) {
    ended = false
    const head = { ...HEAD_FIELDS, ':method': 'GET', ':authority': `origin.example:${origin.port}` }
    const fields = block({ ...head, ':path': '/bytes/4000000' })
    raw.send(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, id, fields))
    await poll(() => ended || raw.isClosed, 'the end of the body')
    if (raw.isClosed) break
  }
  t.ok(pings > 100, `${pings} pings`)
  t.notOk(raw.isClosed)
})

test('an origin that floods the proxy loses its connection, and the flood is logged and counted', async t => {
  const leaf = await (await testRoot()).issue({ cn: HOST, sans: [HOST] })
  const stage = await startBump(t)
  const head = frame(FRAME.headers, FLAG.endHeaders, 1, block({ ':status': '200' }))
  for (const kind of ['settings', 'ping', 'priority', 'empty'] as const) {
    const before = FLOODS_SEEN.get(`origin ${kind}`)?.count ?? 0
    const port = await rawHttp2Origin(t, leaf, ({ type, stream }, send) => {
      if (type !== FRAME.headers) return
      if (stream !== 1) return
      const frames = FLOODS[kind](1000)
      send(Buffer.concat(kind === 'empty' ? [head, ...frames.slice(1)] : frames))
    })
    const client = await speaking(t, stage, port)
    const answer = await client.ask(at(port, '/'))
    t.match(answer.headers['proxy-status'], /PTC_ORIGIN_FLOOD: .*max_\w+_frames_per_minute/, kind)
    t.equal(FLOODS_SEEN.get(`origin ${kind}`)?.count, before + 1, kind)
  }
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
