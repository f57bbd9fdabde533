import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { LinkSink } from '../../../../core/vconn/link.js'
import { answerOk, FakeClientLink, FakeHost } from '../../../kit/fake-client.js'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const post = (body: string): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const answers = (link: FakeClientLink): number => link.sent().toString().split('HTTP/1.1 200').length - 1

/** A link on which bytes arrive before a receiver is attached. */
class EarlyLink extends FakeClientLink {
  readonly #early: string
  constructor(early: string) {
    super()
    this.#early = early
  }
  override attach(sink: LinkSink): void {
    super.attach(sink)
    const early = this.#early
    if (this.sink === sink && this.#isFirst) {
      this.#isFirst = false
      sink.onData(Buffer.from(early))
    }
  }
  #isFirst = true
}

test('a request is answered, and the next one after it', async t => {
  const host = new FakeHost(answerOk)
  const link = host.connect()
  link.receive(GET)
  link.receive(GET)
  t.equal(answers(link), 2)
  t.notOk(link.isClosed)
})

test('requests sent ahead wait, and the client is not read on when they are many', async t => {
  const host = new FakeHost()
  const link = host.connect()
  link.receive(GET)
  link.receive(GET.repeat(100))
  t.equal(host.requests.length, 1, 'one at a time')
  t.notOk(link.isPaused, 'who leaves is noticed')
  link.receive('x'.repeat(70_000))
  t.ok(link.isPaused)
})

test('thousands of requests ahead, each with a body that is not read, need no stack', async t => {
  const host = new FakeHost()
  const link = host.connect()
  link.receive(GET)
  const count = 6000
  link.receive(post('x').repeat(count))
  const first = host.last.reply
  const all = new FakeHost(answerOk)
  host.onRequest = (request, reply) => all.onRequest(request, reply)
  answerOk(host.last.request, first)
  t.equal(all.requests.length, count)
  t.notOk(link.isPaused, 'and the client is read on')
})

test('a connection that ends with what had come before it was read', async t => {
  for (const [what, early] of [
    ['malformed', 'nonsense\r\n\r\n'],
    ['taken over', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nearly'],
  ] as const) {
    const taken: string[] = []
    const host = new FakeHost(request => {
      const { link, early } = request.takeOver()
      taken.push(early.toString())
      link.pause()
    })
    const link = host.connect(new EarlyLink(early))
    t.equal(host.left.length, 1, `${what}: has left`)
    if (what === 'taken over') {
      t.same(taken, ['early'])
      t.ok(link.isPaused, 'its new owner has paused it, and it stays so')
    }
  }
})

test('more than may be ahead, there already when the reading begins', async t => {
  const host = new FakeHost()
  const link = host.connect(new EarlyLink(GET + GET.repeat(4000)))
  t.equal(host.requests.length, 1)
  t.ok(link.isPaused)
})

test('a head that begins behind another request has the time of a head', async t => {
  const host = new FakeHost()
  host.inForce = { ...host.inForce, headersTimeout: 60, keepAliveTimeout: 60_000 }
  const link = host.connect()
  link.receive(`${GET}GET / HT`)
  answerOk(host.last.request, host.last.reply)
  await sleep(150)
  t.same(host.errors, ['PTC_REQUEST_TIMEOUT'])
})

test('empty lines between requests begin nothing', async t => {
  const host = new FakeHost(answerOk)
  host.inForce = { ...host.inForce, headersTimeout: 40, keepAliveTimeout: 60_000 }
  const link = host.connect()
  link.receive(`${GET}\r\n`)
  link.receive('\n')
  await sleep(120)
  t.same(host.errors, [])
  link.receive(`\r\n${GET}`)
  t.equal(answers(link), 2)
  link.destroy()
})

test('the time for a request ends with the request', async t => {
  const host = new FakeHost((request, reply) => {
    request.read({ onBody: () => {}, onBodyEnd: () => {} })
    reply.watch({ onClientDrain: () => {}, onClientGone: () => {}, onClientBroken: e => broken.push(e) })
  })
  const broken: Error[] = []
  host.inForce = { ...host.inForce, requestTimeout: 50 }
  const whole = host.connect()
  whole.receive(post('whole'))
  await sleep(120)
  t.same(broken, [], 'an origin that takes its time is not the client’s fault')
  const half = host.connect()
  half.receive(post('half').slice(0, -1))
  await sleep(120)
  t.match(broken, [{ code: 'PTC_REQUEST_TIMEOUT' }])
  for (const link of [whole, half]) link.destroy()
})

test('a body is read only when the request is read, and not beyond a pause', async t => {
  const seen: string[] = []
  const host = new FakeHost()
  const link = host.connect()
  link.receive(post('12345').slice(0, -3))
  const { request, reply } = host.last
  t.same(seen, [])
  request.read({
    onBody: bytes => {
      seen.push(bytes.toString())
      request.pause()
    },
    onBodyEnd: () => seen.push('end'),
  })
  t.same(seen, ['12'])
  t.ok(link.isPaused)
  link.receive('345') // was in flight
  t.same(seen, ['12'])
  request.resume()
  t.same(seen, ['12', '345', 'end'])
  t.notOk(link.isPaused)
  answerOk(request, reply)
  link.receive(GET)
  t.equal(host.requests.length, 2)
})

test('an exception of a reader ends its own connection alone', async t => {
  const host = new FakeHost((request, reply) => {
    request.read({
      onBody: () => {
        throw new Error('broken')
      },
      onBodyEnd: () => {},
    })
    reply.watch({ onClientDrain: () => {}, onClientGone: () => {}, onClientBroken: e => broken.push(e) })
  })
  const broken: Error[] = []
  const link = host.connect()
  link.receive(post('body'))
  t.match(broken, [{ code: 'PTC_INTERNAL' }])
  link.receive(GET)
  t.equal(host.requests.length, 1, 'and nothing behind it is read')
})

test('draining ends idle clients, and tells those that are served', async t => {
  const host = new FakeHost()
  const idle = host.connect()
  const served = host.connect()
  served.receive(GET)
  host.isDraining = true
  answerOk(host.last.request, host.last.reply)
  t.match(served.sent().toString(), /Connection: keep-alive/, 'it was told before')
  t.ok(served.hasEnded)
  served.destroy()
  idle.destroy()
  t.equal(host.left.length, 2)
})
