import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { dial } from '../../../core/origin/dial.js'
import { NO_NAMES } from '../../kit/names.js'
import { listen } from '../../kit/tcp-server.js'
import { Watch } from '../../kit/watch.js'

/** A link to an origin whose end of the connection is the test's. */
async function connected(t: Test) {
  let accepted: (socket: Socket) => void = () => {}
  const socket = new Promise<Socket>(resolve => {
    accepted = resolve
  })
  const server = await listen(socket => accepted(socket.on('error', () => {})))
  t.teardown(server.stop)
  const link = await dial(
    { host: '127.0.0.1', port: server.port, client: '' },
    { connectTimeout: 5000, names: NO_NAMES },
    new AbortController().signal,
  )
  t.teardown(() => link.destroy())
  return { link, origin: await socket }
}

/** What comes on a link, and how it ends. */
class Heard {
  readonly said: string[] = []
  readonly watch = new Watch()
}

test("an origin's bytes are read even when writes to it fail", async t => {
  for (let round = 0; round < 10; round++) {
    const { link, origin } = await connected(t)
    const heard = new Heard()
    const say = (text: string): void => {
      heard.said.push(text)
      heard.watch.changed()
    }
    link.attach({
      onData: bytes => say(`data ${bytes}`),
      onDrain: () => {},
      onEnd: () => say('end'),
      onClose: cause => say(`close ${cause?.code}`),
    })
    link.pause()
    link.write(Buffer.from('a request'))
    await once(origin.pause(), 'readable')
    origin.write('last words')
    await sleep(20)
    origin.resetAndDestroy()
    await sleep(20)
    for (let i = 0; i < 20; i++) {
      link.write(Buffer.alloc(1000))
      await sleep(0)
    }
    link.resume()
    await heard.watch.until(
      () => (heard.said.some(text => text.startsWith('close')) ? true : undefined),
      () => `the close, heard ${heard.said}`,
    )
    t.strictSame(heard.said, ['data last words', 'close PTC_ORIGIN_CLOSED'], 'and no orderly end')
  }
})

test('an origin that has ended, and breaks then, is closed by the next write', async t => {
  const { link, origin } = await connected(t)
  const heard = new Heard()
  const say = (text: string): void => {
    heard.said.push(text)
    heard.watch.changed()
  }
  const until = (text: string) =>
    heard.watch.until(
      () => (heard.said.some(said => said.startsWith(text)) ? true : undefined),
      () => `${text}, heard ${heard.said}`,
    )
  link.attach({
    onData: bytes => say(`data ${bytes}`),
    onDrain: () => {},
    onEnd: () => say('end'),
    onClose: cause => say(`close ${cause?.code}`),
  })
  origin.resume().end('last words')
  await until('end')
  origin.resetAndDestroy()
  await sleep(20)
  for (let i = 0; i < 20 && !link.isClosed; i++) {
    link.write(Buffer.alloc(1000))
    await sleep(1)
  }
  await until('close')
  t.strictSame(heard.said, ['data last words', 'end', 'close PTC_ORIGIN_CLOSED'])
})
