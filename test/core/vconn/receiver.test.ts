import { connect, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import type { ProxyError } from '../../../core/base/errors.js'
import type { LinkSink } from '../../../core/vconn/link.js'
import { Receiver } from '../../../core/vconn/sockets.js'
import { TcpLink } from '../../../core/vconn/tcp-link.js'
import { listen } from '../../kit/tcp-server.js'
import { Watch } from '../../kit/watch.js'

/** Keeps the very buffers it is handed, as a sink that copies nothing may, and says what else it is told. */
class Keeper implements LinkSink {
  readonly kept: Buffer[] = []
  readonly said: string[] = []
  readonly #watch = new Watch()

  onData(bytes: Buffer): void {
    this.kept.push(bytes)
    this.#watch.changed()
  }

  onDrain(): void {}

  onEnd(): void {
    this.#say('end')
  }

  onClose(cause: ProxyError | undefined): void {
    this.#say(`close ${cause?.code}`)
  }

  bytes(): Buffer {
    return Buffer.concat(this.kept)
  }

  async until(what: string | number): Promise<void> {
    await this.#watch.until(
      () => (typeof what === 'string' ? this.said.includes(what) : this.bytes().length >= what) || undefined,
      () => `${what}; got ${this.bytes().length} bytes and ${this.said.join(', ')}`,
    )
  }

  #say(what: string): void {
    this.said.push(what)
    this.#watch.changed()
  }
}

/** A connection made as the dialler makes it, and the other end of it. */
async function pair(t: Test): Promise<{ link: TcpLink; peer: Socket }> {
  let accept: (socket: Socket) => void = () => undefined
  const accepted = new Promise<Socket>(resolve => {
    accept = resolve
  })
  const server = await listen(socket => accept(socket))
  t.teardown(() => server.stop())
  const receiver = new Receiver()
  const socket = connect({
    ...{ port: server.port, host: '127.0.0.1', allowHalfOpen: true, onread: receiver.onread },
  })
  server.own(socket)
  await new Promise<void>(resolve => socket.once('connect', resolve))
  return { link: new TcpLink(socket, 'origin', receiver), peer: await accepted }
}

/** Has a receiver take bytes as Node would; the answer is whether Node may read on. */
function feed({ onread }: Receiver, bytes: Uint8Array): boolean {
  const { buffer } = onread
  if (typeof buffer === 'function') throw new Error('a buffer for each read')
  buffer.set(bytes)
  return onread.callback(bytes.length, buffer)
}

test('bytes that come before a sink is attached are kept, in order', t => {
  const receiver = new Receiver()
  for (const text of ['one ', 'two ', 'three ']) {
    t.equal(feed(receiver, Buffer.from(text)), false, 'and no more are asked for')
  }
  const heard: string[] = []
  receiver.listen(bytes => heard.push(bytes.toString()))
  t.equal(feed(receiver, Buffer.from('four')), true)
  t.same(heard, ['one ', 'two ', 'three ', 'four'])
  t.end()
})

test('a receiver that keeps bytes has memory of its own', t => {
  const reads = fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ minLength: 1, maxLength: 60 })))
  const property = fc.property(reads, fc.nat(), (all, attachedAt) => {
    const receivers = [new Receiver(), new Receiver()] as const
    const keepers = [new Keeper(), new Keeper()] as const
    const attach = (): void => {
      for (const i of [0, 1] as const) new TcpLink(new Socket(), 'origin', receivers[i]).attach(keepers[i])
    }
    const at = attachedAt % (all.length + 1)
    for (const [i, [isFirst, bytes]] of all.entries()) {
      if (i === at) attach()
      feed(receivers[isFirst ? 0 : 1], bytes)
    }
    if (at === all.length) attach()
    return keepers.every((keeper, i) =>
      keeper.bytes().equals(Buffer.concat(all.flatMap(([isFirst, b]) => (isFirst === (i === 0) ? [b] : [])))),
    )
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
  t.end()
})

test('two connections that both bring much at once', async t => {
  const SIZE = 3_000_000
  const pairs = await Promise.all([pair(t), pair(t)])
  const keepers = pairs.map(({ link }, i) => {
    const keeper = new Keeper()
    link.attach(keeper)
    return { keeper, sent: Buffer.alloc(SIZE, `connection ${i} `) }
  })
  for (let at = 0; at < SIZE; at += 100_000) {
    for (const [i, { peer }] of pairs.entries()) {
      peer.write(keepers[i]?.sent.subarray(at, at + 100_000) ?? '')
    }
    await sleep(0)
  }
  for (const { keeper, sent } of keepers) {
    await keeper.until(SIZE)
    t.ok(keeper.bytes().equals(sent), 'each has its own bytes')
  }
})

test('a sink that copies receives the pooled buffer itself', t => {
  const receiver = new Receiver()
  const views: Buffer[] = []
  const sink = Object.assign(new Keeper(), {
    copiesData: true,
    onData: (b: Buffer) => views.push(b),
  } as const)
  new TcpLink(new Socket(), 'origin', receiver).attach(sink)
  for (const text of ['one', 'two']) feed(receiver, Buffer.from(text))
  t.same(views.map(String), ['two', 'two'], 'which the next read overwrites')
  t.end()
})

test('nothing is delivered during a pause, and all of it afterwards', async t => {
  const { link, peer } = await pair(t)
  const keeper = new Keeper()
  link.attach(keeper)
  peer.write('first')
  await keeper.until(5)
  for (let round = 0; round < 3; round++) {
    const before = keeper.kept.length
    link.pause()
    peer.write('later')
    await sleep(20)
    t.equal(keeper.kept.length, before)
    link.resume()
    await keeper.until(10 + 5 * round)
  }
  t.equal(keeper.bytes().toString(), 'firstlaterlaterlater')
})

test('an end during a pause comes after the bytes before it', async t => {
  const { link, peer } = await pair(t)
  const keeper = new Keeper()
  link.attach(keeper)
  link.pause()
  peer.end(Buffer.alloc(1_000_000))
  await sleep(30)
  t.same(keeper.said, [])
  link.resume()
  await keeper.until('end')
  t.equal(keeper.bytes().length, 1_000_000)
  t.notOk(link.isClosed, 'our direction is open')
  const answered = new Promise<string>(resolve => peer.once('data', bytes => resolve(String(bytes))))
  link.write(Buffer.from('answer'))
  t.equal(await answered, 'answer')
  link.end()
  await keeper.until('close undefined')
  t.same(keeper.said, ['end', 'close undefined'])
})

test('our end leaves the other direction open', async t => {
  const { link, peer } = await pair(t)
  const keeper = new Keeper()
  link.attach(keeper)
  peer.resume()
  const ended = new Promise(resolve => peer.once('end', resolve))
  link.end()
  await ended
  peer.end('late')
  await keeper.until('close undefined')
  t.equal(keeper.bytes().toString(), 'late')
  t.same(keeper.said, ['end', 'close undefined'])
})

for (const [name, last] of Object.entries({ nothing: '', data: 'goodbye' })) {
  test(`an origin that sends ${name} and ends before a sink is attached`, async t => {
    const { link, peer } = await pair(t)
    peer.end(last)
    await sleep(30)
    const keeper = new Keeper()
    link.attach(keeper)
    await keeper.until('end')
    t.equal(keeper.bytes().toString(), last)
    link.end()
    await keeper.until('close undefined')
    t.same(keeper.said, ['end', 'close undefined'])
  })
}

test('an origin that resets the connection before a sink is attached', async t => {
  const { link, peer } = await pair(t)
  peer.resetAndDestroy()
  await sleep(30)
  const keeper = new Keeper()
  link.attach(keeper)
  await keeper.until('close PTC_ORIGIN_CLOSED')
  t.same(keeper.said, ['close PTC_ORIGIN_CLOSED'])
})
