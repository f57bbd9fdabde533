import { test } from 'tap'
import { ClientInfo } from '../../../../core/http/listener/client-info.js'
import { FakeClientLink } from '../../../kit/fake-client.js'

function ending(limit: number, isOpenEnded: boolean) {
  const link = new FakeClientLink()
  const socket = { once: () => undefined, writableLength: 1000 }
  new ClientInfo(socket, link, undefined).end(limit, isOpenEnded)
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

test('a client that has read everything is disconnected when it ends its direction', async t => {
  const { link, socket } = ending(10_000, false)
  t.ok(link.hasEnded)
  socket.writableLength = 0
  link.sink?.onEnd()
  t.ok(link.isClosed)
  t.notOk(link.wasReset)
})

test('an ended connection waits until the client has read its response', async t => {
  const slow = ending(10_000, true)
  const late = ending(2000, true)
  const lateWithLength = ending(2000, false)
  const silent = ending(10_000, true)
  silent.socket.writableLength = 0
  slow.link.sink?.onEnd()
  t.notOk(slow.link.isClosed, 'also when it has ended its direction')
  await settled(late.link, 4000)
  t.ok(late.link.wasReset, 'until its time is over: an orderly end would mark the response as complete')
  t.match(
    lateWithLength.link,
    { isClosed: true, wasReset: false },
    'Content-Length already marks the response as incomplete',
  )
  t.match(
    silent.link,
    { isClosed: true, wasReset: false },
    'a silent client that has read everything is disconnected',
  )
  t.notOk(slow.link.isClosed)
  slow.link.destroy()
})
