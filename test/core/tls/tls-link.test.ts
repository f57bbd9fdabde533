/** The link above an engine. Longer than 250 lines because every end of a connection has its test here. */
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { OutboundContext, type OutboundContextOptions } from '../../../core/tls/openssl/outbound-context.js'
import { OutboundEngine } from '../../../core/tls/openssl/outbound-engine.js'
import { TlsLink } from '../../../core/tls/tls-link.js'
import { FakeLink, SinkLog } from '../../kit/fake-link.js'
import { OriginEngine, shake } from '../../kit/origin-engine.js'
import { makeAuthority } from '../../kit/pki.js'

const VERSIONS = ['1.2', '1.3'] as const
type Version = (typeof VERSIONS)[number]
const root = await makeAuthority({ name: 'Root' })
const leaf = await root.issue({ cn: 'foo.test' })
/** With so many names that a ticket which holds it does not fit into a record of 512 bytes. */
const client = await root.issue({
  cn: 'client',
  eku: ['clientAuth'],
  sans: Array.from({ length: 30 }, (_, i) => `name-number-${i}.example.test`),
})

interface Linked {
  readonly link: TlsLink
  readonly server: OriginEngine
  readonly tcp: FakeLink
  /** Hands over, in one chunk, what the server has to say. */
  deliver(): void
  /** How often the link was closed. */
  closes(): number
}

/** A link over a finished handshake, with nothing in flight. */
function linked(t: Test, version: Version, more: Partial<OutboundContextOptions> = {}): Linked {
  const context = new OutboundContext({
    ...{ anchors: [root.certPem], minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', alpn: [] },
    ...more,
  })
  const clientCa = more.certificate === undefined ? {} : { clientCaPem: root.certPem }
  const server = new OriginEngine({ ...leaf, version, ...clientCa })
  const engine = new OutboundEngine(context, { host: 'foo.test', isAddress: false, sni: undefined })
  if (shake(engine, server) !== 'established' || !server.isDone) throw new Error('no handshake')
  engine.read() // the tickets that came with it
  const tcp = new FakeLink()
  let closes = 0
  const link = new TlsLink(tcp, engine, () => {
    closes += 1
  })
  t.teardown(() => {
    link.destroy()
    tcp.destroy()
    server.free()
    context.free()
  })
  return { link, server, tcp, closes: () => closes, deliver: () => tcp.sink?.onData(server.take()) }
}

for (const version of VERSIONS) {
  test(`TLS ${version}: a fatal alert right behind data is no orderly end`, async t => {
    const { link, server, deliver, tcp, closes } = linked(t, version)
    const log = new SinkLog()
    link.attach(log)
    server.write('half a body')
    server.fail()
    deliver()
    t.same(log.said, ['half a body', 'close PTC_ORIGIN_CLOSED'])
    t.ok(tcp.isClosed)
    t.equal(closes(), 1)
  })

  test(`TLS ${version}: what comes behind a close_notify is not kept`, async t => {
    const { link, server, deliver, tcp } = linked(t, version)
    const log = new SinkLog()
    link.attach(log)
    server.close()
    deliver()
    const before = process.memoryUsage.rss()
    const junk = Buffer.alloc(1_000_000, 23)
    for (let i = 0; i < 150; i++) tcp.sink?.onData(junk)
    const grown = (process.memoryUsage.rss() - before) / 1e6
    t.ok(grown < 50, `150 MB let the process grow by less than 50 (${grown.toFixed(0)})`)
    t.same(log.said, ['end'])
  })

  test(`TLS ${version}: the connection ends when both sides have, whichever was first`, async t => {
    for (const isOriginFirst of [true, false]) {
      const { link, server, deliver, tcp, closes } = linked(t, version)
      const log = new SinkLog()
      link.attach(log)
      if (!isOriginFirst) link.end()
      server.close()
      deliver()
      t.equal(closes(), isOriginFirst ? 0 : 1)
      if (isOriginFirst) link.end()
      t.same(log.said, ['end', 'close undefined'], 'without a FIN of the origin')
      t.equal(closes(), 1)
      server.receive(tcp.sent())
      t.equal(server.read(), 'end', 'the origin has a close_notify')
      t.ok(tcp.hasEnded)
      t.notOk(tcp.isClosed, 'and may read what is on its way to it')
      tcp.fin()
      t.ok(tcp.isClosed, 'until it ends the connection')
    }
  })

  test(`TLS ${version}: an origin that never ends the connection keeps it for a while only`, async t => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    t.teardown(() => mock.timers.reset())
    const { link, server, deliver, tcp } = linked(t, version)
    link.attach(new SinkLog())
    server.close()
    deliver()
    link.end()
    mock.timers.tick(29_000)
    t.notOk(tcp.isClosed)
    mock.timers.tick(2_000)
    t.ok(tcp.isClosed)
  })

  test(`TLS ${version}: an origin that demands answers and does not read them`, async t => {
    const { link, server, tcp, deliver } = linked(t, version)
    const log = new SinkLog()
    link.attach(log)
    tcp.hasRoom = false
    let demands = 0
    for (; demands < 500 && !tcp.isPaused; demands++) {
      server.demandAnswer(version)
      deliver()
    }
    t.ok(demands < 3, `is not listened to any more (after ${demands})`)
    for (let i = 0; i < 100; i++) {
      server.demandAnswer(version)
      deliver()
    }
    t.ok(tcp.written.length < 3, 'and gets no answers')
    server.write('data')
    deliver()
    t.same(log.said, [], 'nor is anything delivered')
    link.resume()
    t.ok(tcp.isPaused, 'not even if the receiver asks for more')
    tcp.drain()
    t.notOk(tcp.isPaused, 'until it reads')
    t.same(log.said, ['data', 'drain'])
  })

  test(`TLS ${version}: the end comes after everything, however slow the receiver is`, async t => {
    const SIZE = 1_000_000
    for (const how of ['fin', 'gone', 'fin, then gone']) {
      const { link, server, deliver, tcp } = linked(t, version)
      const log = new SinkLog(() => link.pause())
      link.attach(log)
      link.pause()
      server.write(Buffer.alloc(SIZE))
      server.close()
      deliver()
      if (how.includes('fin')) tcp.sink?.onEnd()
      if (how.includes('gone')) tcp.sink?.onClose(undefined)
      t.same(log.said, [], `${how}: nothing while it pauses`)
      for (let i = 0; i < 100 && !log.said.includes('end'); i++) link.resume()
      t.equal(log.bytes, SIZE, `${how}: all has been delivered`)
      link.end()
      t.same(log.said.slice(-2), ['end', 'close undefined'], `${how}: an orderly end`)
      t.ok(log.said.length > 4, 'the receiver has paused in between')
      link.destroy()
    }
  })

  test(`TLS ${version}: a connection that ends without close_notify has been cut, and is told so last`, async t => {
    for (const how of ['onEnd', 'onClose'] as const) {
      const { link, server, deliver, tcp } = linked(t, version)
      const log = new SinkLog()
      link.attach(log)
      link.pause()
      server.write('half a body')
      deliver()
      tcp.sink?.[how](undefined)
      link.resume()
      t.same(log.said, ['half a body', 'close PTC_ORIGIN_CLOSED'], how)
    }
  })

  test(`TLS ${version}: our end leaves the origin's direction open`, async t => {
    const { link, server, deliver, tcp } = linked(t, version)
    const log = new SinkLog()
    link.attach(log)
    link.end()
    server.demandAnswer(version)
    server.write('late')
    deliver()
    t.notOk(tcp.isPaused, 'also if TLS had something to answer')
    t.same(log.said, ['late'])
  })
}

test('a peer that sends key updates and no data is cut off', async t => {
  const { link, server, tcp, deliver, closes } = linked(t, '1.3')
  const log = new SinkLog()
  link.attach(log)
  const demand = (bytes: number): void => {
    for (let sent = 0; sent < bytes; sent += 27) server.demandAnswer('1.3')
    deliver()
  }
  demand(9_000)
  server.write('data')
  demand(9_000)
  demand(9_000)
  t.notOk(link.isClosed, 'some are no flood')
  demand(9_000)
  t.ok(link.isClosed)
  t.ok(tcp.isClosed)
  t.equal(closes(), 1)
})

test('half of a NewSessionTicket holds back what is written, and nothing gets lost', async t => {
  const certificate = { chain: [client.certPem], key: client.keyPem, from: 'client' }
  for (const isEnding of [false, true]) {
    const { link, server, tcp } = linked(t, '1.3', { certificate })
    const log = new SinkLog()
    link.attach(log)
    server.sendTicket()
    const ticket = server.take()
    const half = 5 + ticket.readUInt16BE(3)
    t.ok(half < ticket.length, 'the ticket takes more than one record')
    tcp.sink?.onData(ticket.subarray(0, half))
    t.equal(link.write(Buffer.from('one ')), false, 'the writer is to wait')
    t.equal(link.write(Buffer.from('two ')), false)
    if (isEnding) link.end()
    t.equal(tcp.sent().length, 0, 'nothing has been sent')
    t.notOk(tcp.hasEnded)
    tcp.sink?.onData(ticket.subarray(half))
    server.receive(tcp.sent())
    t.same(
      [server.read(), server.read(), server.read()],
      ['one ', 'two ', isEnding ? 'end' : undefined],
      'then all of it in order, the close_notify last',
    )
    t.equal(tcp.hasEnded, isEnding)
    t.same(log.said, isEnding ? [] : ['drain'])
    if (!isEnding) t.equal(link.write(Buffer.from('three')), true, 'the writer goes on')
  }
})

test('a sink that attaches to a closed link is told so once', async t => {
  const { link, tcp } = linked(t, '1.3')
  tcp.destroy(new ProxyError('PTC_ORIGIN_CLOSED', 'reset'))
  t.ok(link.isClosed)
  const logs = [new SinkLog(), new SinkLog()] as const
  for (const log of logs) {
    link.attach(log)
    t.same(log.said, [], 'not from within the call')
    await turn()
  }
  link.destroy()
  link.resume()
  await turn()
  for (const log of logs) t.same(log.said, ['close PTC_ORIGIN_CLOSED'], 'with the cause')
})
