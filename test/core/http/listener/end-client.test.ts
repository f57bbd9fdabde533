import { test } from 'tap'
import { ClientInfo } from '../../../../core/http/listener/client-info.js'
import { endClient } from '../../../../core/http/listener/end-client.js'
import { FakeClientLink } from '../../../kit/fake-client.js'

function ending(limit: number, isOpenEnded: boolean) {
  const link = new FakeClientLink()
  const socket = { once: () => undefined, writableLength: 1000 }
  endClient(link, new ClientInfo(socket, link, undefined), limit, isOpenEnded)
  return { link, socket }
}

const settled = (link: FakeClientLink, ms: number): Promise<void> =>
  new Promise(resolve => {
    const startedAt = performance.now()
    const look = setInterval(() => {
      if (!link.isClosed && performance.now() - startedAt < ms) return
      clearInterval(look)
      resolve()
    }, 20)
  })

test('a client that has everything is let go when it ends its direction', async t => {
  const { link, socket } = ending(10_000, false)
  t.ok(link.hasEnded)
  socket.writableLength = 0
  link.sink?.onEnd()
  t.ok(link.isClosed)
  t.notOk(link.wasReset)
})

test('a client that has not received everything is waited for', async t => {
  const slow = ending(10_000, true)
  const late = ending(2000, true)
  const lateWithLength = ending(2000, false)
  const silent = ending(10_000, true)
  silent.socket.writableLength = 0
  slow.link.sink?.onEnd()
  t.notOk(slow.link.isClosed, 'also when it has ended its direction')
  await settled(late.link, 4000)
  t.ok(late.link.wasReset, 'until its time is up: an end would say that it was all')
  t.match(lateWithLength.link, { isClosed: true, wasReset: false }, 'a length has said how much there is')
  t.match(silent.link, { isClosed: true, wasReset: false }, 'who has got it and says nothing is let go')
  t.notOk(slow.link.isClosed)
  slow.link.destroy()
})
