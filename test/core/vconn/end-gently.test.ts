import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { endGently } from '../../../core/vconn/link.js'
import { RewindLink } from '../../../core/vconn/rewind-link.js'
import { TcpLink } from '../../../core/vconn/tcp-link.js'
import { FakeClientLink } from '../../kit/fake-client.js'
import { listen } from '../../kit/tcp-server.js'
import { poll, within } from '../../kit/watch.js'

/** Below what a socket takes without asking for a drain. */
const CHUNK = 10_000

test('a peer that has ended and reads slowly gets everything', async t => {
  let sent = 0
  const server = await listen(socket => {
    const link = new TcpLink(socket, 'client')
    link.attach({
      copiesData: true,
      onData: () => {},
      onDrain: () => {},
      onEnd: () => {
        for (; socket.writableLength === 0; sent += CHUNK) link.write(Buffer.alloc(CHUNK))
        endGently(link)
      },
      onClose: () => {},
    })
  })
  t.teardown(() => server.stop())
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  server.own(socket)
  socket.end()
  await poll(() => sent > 0, 'the first bytes')
  let received = 0
  socket.on('data', bytes => {
    received += bytes.length
  })
  await within(new Promise(resolve => socket.once('end', resolve)), 'the end')
  t.equal(received, sent)
})

test('a peer that never ends is closed after the linger', async t => {
  let closed: () => void = () => {}
  const hasClosed = new Promise<void>(resolve => {
    closed = resolve
  })
  const server = await listen(socket => {
    socket.on('close', () => closed())
    endGently(new TcpLink(socket, 'client'), 20)
  })
  t.teardown(() => server.stop())
  server.own(connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true }))
  await within(hasClosed, 'the close')
  t.pass()
})

const timers = (): number => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length

test('a peer that goes on sending is read on, also where two parts of the program end the link', async t => {
  const before = timers()
  const link = new FakeClientLink()
  endGently(link, 100)
  endGently(new RewindLink(link, Buffer.alloc(0)), 100)
  const sending = setInterval(() => link.receive('more'), 10)
  await sleep(500)
  t.notOk(link.isClosed)
  clearInterval(sending)
  await sleep(500)
  t.ok(link.isClosed)
  t.equal(timers(), before, 'no timer outlives the link')
})
