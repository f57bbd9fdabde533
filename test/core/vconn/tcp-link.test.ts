import { connect, type Socket } from 'node:net'
import { test } from 'tap'
import type { ProxyError } from '../../../core/base/errors.js'
import type { Link, LinkSink } from '../../../core/vconn/link.js'
import { RewindLink } from '../../../core/vconn/rewind-link.js'
import { addressText, TcpLink } from '../../../core/vconn/tcp-link.js'
import { listen } from '../../kit/tcp-server.js'

/** Writes down what a link says, and lets a test wait for it. */
class Log implements LinkSink {
  readonly said: string[] = []
  cause: ProxyError | undefined
  #wake: (() => void) | undefined

  onData(bytes: Buffer): void {
    this.#say(bytes.toString())
  }
  onDrain(): void {
    this.#say('drain')
  }
  onEnd(): void {
    this.#say('end')
  }
  onClose(cause: ProxyError | undefined): void {
    this.cause = cause
    this.#say(`close ${cause?.code}`)
  }

  async until(what: string): Promise<void> {
    while (!this.said.includes(what)) await new Promise<void>(resolve => (this.#wake = resolve))
  }

  #say(what: string): void {
    this.said.push(what)
    this.#wake?.()
  }
}

/** A link to a server, and the server's end of it. */
async function pair(t: import('tap').Test): Promise<{ link: TcpLink; peer: Socket }> {
  let accept: (socket: Socket) => void = () => undefined
  const accepted = new Promise<Socket>(resolve => (accept = resolve))
  const server = await listen(socket => accept(socket))
  t.teardown(() => server.stop())
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  server.own(socket)
  await new Promise<void>(resolve => socket.once('connect', resolve))
  return { link: new TcpLink(socket, 'origin'), peer: await accepted }
}

/** Makes `next` the receiver as soon as it has its first bytes, as CONNECT does. */
class Handing extends Log {
  readonly #link: Link
  readonly #next: LinkSink

  constructor(link: Link, next: LinkSink) {
    super()
    this.#link = link
    this.#next = next
  }

  override onData(bytes: Buffer): void {
    super.onData(bytes)
    this.#link.attach(this.#next)
  }
}

test('a receiver set by its predecessor gets the remaining bytes', async t => {
  const { link, peer } = await pair(t)
  const next = new Log()
  const first = new Handing(link, next)
  link.watch(() => {})
  for (const text of ['CONNECT', 'early', 'later']) {
    peer.write(text)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  peer.end()
  await new Promise(resolve => setTimeout(resolve, 20))
  link.attach(first)
  await next.until('end')
  link.end()
  await next.until('close undefined')
  t.same(first.said, ['CONNECT'])
  t.same(next.said, ['early', 'later', 'end', 'close undefined'])
})

test('a receiver that is replaced gets the bytes that were put back', async t => {
  const { link, peer } = await pair(t)
  const unread = new RewindLink(link, Buffer.from('CONNECT'))
  const next = new Log()
  const first = new Handing(unread, next)
  unread.attach(first)
  peer.write('early')
  await next.until('early')
  t.same(first.said, ['CONNECT'])
})

test('bytes both ways, half-closes, and one close', async t => {
  const { link, peer } = await pair(t)
  const log = new Log()
  peer.write('early')
  await new Promise(resolve => setTimeout(resolve, 20))
  link.attach(log)
  await log.until('early')
  t.pass('what arrived before the sink is delivered')
  link.write(Buffer.from('up'))
  t.equal(String((await onceData(peer))[0]), 'up')
  peer.end('last')
  await log.until('end')
  t.equal(link.isClosed, false, 'the other direction is open')
  link.write(Buffer.from('still'))
  t.equal(String((await onceData(peer))[0]), 'still')
  link.end()
  await log.until('close undefined')
  t.same(log.said, ['early', 'last', 'end', 'close undefined'])
  t.equal(link.isClosed, true)
  t.equal(link.write(Buffer.from('x')), false, 'bytes after the end go nowhere, quietly')
  link.destroy()
})

const onceData = (socket: Socket): Promise<unknown[]> =>
  new Promise(resolve => socket.once('data', (...args: unknown[]) => resolve(args)))

test('a second sink takes over', async t => {
  const { link, peer } = await pair(t)
  const [first, second] = [new Log(), new Log()]
  link.attach(first)
  peer.write('1')
  await first.until('1')
  link.attach(second)
  peer.end('2')
  await second.until('end')
  link.destroy()
  await second.until('close undefined')
  t.same(first.said, ['1'])
  t.same(second.said, ['2', 'end', 'close undefined'])
})

test('a sink that comes after the end is told of it', async t => {
  const { link, peer } = await pair(t)
  const log = new Log()
  link.attach(log)
  peer.end('1')
  await log.until('end')
  const late = new Log()
  link.attach(late)
  await late.until('end')
  link.destroy()
  await late.until('close undefined')
  const last = new Log()
  link.attach(last)
  await last.until('close undefined')
  t.same(last.said, ['close undefined'])
})

test('write says when to wait', async t => {
  const { link, peer } = await pair(t)
  const log = new Log()
  link.attach(log)
  peer.pause()
  while (link.write(Buffer.alloc(1_000_000)));
  peer.resume()
  await log.until('drain')
  t.pass('and drain when to go on')
  link.destroy()
  await log.until('close undefined')
})

test('pause stops the flow', async t => {
  const { link, peer } = await pair(t)
  const log = new Log()
  link.pause()
  link.attach(log)
  peer.write('a')
  await new Promise(resolve => setTimeout(resolve, 30))
  t.same(log.said, [])
  link.resume()
  await log.until('a')
  link.destroy()
  await log.until('close undefined')
})

test('errors become codes', async t => {
  const { link, peer } = await pair(t)
  const log = new Log()
  link.attach(log)
  peer.resetAndDestroy()
  await log.until('close PTC_ORIGIN_CLOSED')
  t.equal(log.cause?.side, 'origin')
  const late = new Log()
  const other = await pair(t)
  other.peer.resume()
  other.link.destroy(log.cause)
  await new Promise(resolve => setTimeout(resolve, 20))
  other.link.attach(late)
  await late.until('close PTC_ORIGIN_CLOSED')
  t.pass('a sink that comes late hears of the close')
})

test('a TCP link knows both its addresses', async t => {
  const { link, peer } = await pair(t)
  t.equal(link.remoteAddress, `127.0.0.1:${peer.localPort}`)
  t.equal(link.localAddress, `127.0.0.1:${peer.remotePort}`)
  link.attach(new Log())
  link.destroy()
  t.equal(addressText('::1', 80), '[::1]:80')
  t.equal(addressText(undefined, undefined), '')
})
