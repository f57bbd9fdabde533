import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { FIRST_REQUEST } from '../../../core/http/listener/client-host.js'
import type { ClientReply } from '../../../core/http/listener/client-reply.js'
import type { ClientRequest } from '../../../core/http/listener/client-request.js'
import { type RawClient, rawClient } from '../../kit/client.js'
import { startListener } from '../../kit/running-listener.js'
import { poll, within } from '../../kit/watch.js'

const BIG = 20_000_000
const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

/** A listener whose own pages are `/big`, `/later` (when the test says so) and `/` for anything else. */
async function setUp(t: Test) {
  let answerLater = (): void => undefined
  const handle = (req: ClientRequest, res: ClientReply): void => {
    const answer = (text: string): void =>
      res.sendAll(200, 'OK', ['Content-Length', String(text.length)], Buffer.from(text))
    if (req.url === '/big') res.sendAll(200, 'OK', ['Content-Length', String(BIG)], Buffer.alloc(BIG))
    else if (req.url === '/later') answerLater = () => answer('later')
    else answer('now')
  }
  let accepted = 0
  const onAccepted = (): void => {
    accepted += 1
  }
  const { listener, port } = await startListener(t, { listener: { forward: { handle }, onAccepted } })
  /** A client that the listener has accepted. */
  const acceptedClient = async (): Promise<RawClient> => {
    const before = accepted
    const client = await rawClient(port)
    t.teardown(client.stop)
    await poll(() => accepted > before, 'the client to be accepted')
    return client
  }
  return { listener, port, acceptedClient, answerLater: () => answerLater() }
}

test('closing ends idle connections at once', async t => {
  const { listener, port } = await setUp(t)
  const client = await rawClient(port)
  t.teardown(client.stop)
  client.send(request('/'))
  t.equal((await client.response()).header('connection'), 'keep-alive')
  await within(listener.close(10_000), 'the close', 2000)
  await client.ended()
  await t.rejects(rawClient(port), { code: 'ECONNREFUSED' })
})

test('closing serves one request of a client that has only just connected', async t => {
  const { listener, acceptedClient } = await setUp(t)
  const [asking, begun] = [await acceptedClient(), await acceptedClient()]
  const [silent, other] = [await acceptedClient(), await acceptedClient()]
  begun.send('GET / HTTP/1.1\r\n')
  other.send(request('/'))
  await other.response() // what was sent before it was read before it
  const closed = listener.close(10_000)
  asking.send(request('/'))
  begun.send('Host: a\r\n\r\n')
  for (const client of [asking, begun]) {
    const response = await client.response()
    t.equal(response.body.toString(), 'now')
    t.equal(response.header('connection'), 'close')
  }
  t.notOk(silent.isEnded)
  await within(closed, 'the close', 3000)
  await silent.ended()
})

test('a drain serves one request of each new client, and keeps none that is silent', async t => {
  const { listener, port } = await setUp(t)
  listener.drain(true)
  const [asking, silent] = [await rawClient(port), await rawClient(port)]
  for (const client of [asking, silent]) t.teardown(client.stop)
  asking.send(request('/'))
  t.equal((await asking.response()).header('connection'), 'close')
  await asking.ended()
  await silent.ended()
})

test('a drain that is undone keeps its new clients', async t => {
  const { listener, acceptedClient } = await setUp(t)
  const client = await acceptedClient()
  listener.drain(true)
  listener.drain(false)
  await sleep(FIRST_REQUEST + 200) // the listener has its timers in this process: they fire in order, however late
  client.send(request('/'))
  t.equal((await client.response()).header('connection'), 'keep-alive')
})

test('closing waits for what has been asked, and for no more', async t => {
  const { listener, port, answerLater } = await setUp(t)
  const client = await rawClient(port)
  t.teardown(client.stop)
  client.send(request('/later'))
  await sleep(50)
  const closed = listener.close(10_000)
  await sleep(50)
  t.notOk(client.isEnded)
  answerLater()
  const response = await client.response()
  t.equal(response.body.toString(), 'later')
  t.equal(response.header('connection'), 'close', 'the client is told')
  await within(closed, 'the close', 2000)
})

test('closing loses no byte of a response that is written already', async t => {
  const { listener, port } = await setUp(t)
  const slow = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => slow.destroy())
  let received = 0
  slow.on('data', bytes => {
    received += bytes.length
  })
  slow.pause()
  slow.write(request('/big'))
  await sleep(200)
  const closed = listener.close(10_000)
  await sleep(50)
  t.ok(received < BIG, 'the client has not taken it yet')
  slow.resume()
  await within(once(slow, 'end'), 'the end')
  t.ok(received > BIG, 'it comes to the last byte')
  slow.end()
  await within(closed, 'the close', 2000)
})

test('closing ends after its grace, whatever is still running', async t => {
  const { listener, port } = await setUp(t)
  const client = await rawClient(port)
  t.teardown(client.stop)
  client.send(request('/later'))
  await sleep(50)
  const start = performance.now()
  await within(listener.close(200), 'the close', 2000)
  t.ok(performance.now() - start >= 199)
  await client.ended()
  t.equal(client.text(), '')
})
