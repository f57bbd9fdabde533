/** How a client's connection ends: by the client, by the response, by a deadline. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { ClientReply } from '../../../core/http/listener/client-reply.js'
import type { ClientRequest } from '../../../core/http/listener/client-request.js'
import { answerOk, type FakeClientLink, FakeHost } from '../../kit/fake-client.js'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const post = (body: string): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const OLD = 'GET / HTTP/1.0\r\n\r\n'
const begin = (_: ClientRequest, reply: ClientReply): void => {
  reply.writeHead(200, 'OK', []).write(Buffer.from('part'))
  reply.flush()
}

test('a body that only the end of the connection ends is never ended by chance', async t => {
  const cut: Record<string, (link: FakeClientLink, host: FakeHost) => void> = {
    'the client ends its direction': link => link.sink?.onEnd(),
    'whoever answers gives up': (_, host) => host.last.reply.cut(),
    'the port is closed for good': (_, host) => {
      for (const { reply } of host.requests) reply.cut()
    },
  }
  for (const [what, how] of Object.entries(cut)) {
    const host = new FakeHost(begin)
    const link = host.connect()
    link.receive(OLD)
    how(link, host)
    t.ok(link.wasReset, what)
    const other = host.connect()
    other.receive(GET)
    how(other, host)
    t.match({ isClosed: other.isClosed, wasReset: other.wasReset }, { isClosed: true, wasReset: false })
  }
})

test('a client that does not take the end of such a body is reset', async t => {
  const host = new FakeHost(begin)
  host.inForce = { ...host.inForce, headersTimeout: 50 }
  const link = host.connect()
  link.hasRoom = false
  link.isHolding = true
  link.receive(OLD)
  host.last.reply.end()
  await sleep(120)
  t.ok(link.wasReset)
})

test('a client that leaves is told of once, wherever it leaves', async t => {
  const states: Record<string, (link: FakeClientLink, host: FakeHost) => void> = {
    'nothing sent': () => {},
    'within a head': link => link.receive('GET / HT'),
    'before an answer': link => link.receive(GET),
    'with requests ahead': link => link.receive(GET.repeat(3)),
    'before its body is wanted': link => link.receive(post('body')),
    'within a body that is read': (link, host) => {
      link.receive(post('body').slice(0, -2))
      host.last.request.read({ onBody: () => {}, onBodyEnd: () => {} })
    },
    'within a body that is paused': (link, host) => {
      link.receive(post('body').slice(0, -2))
      const { request } = host.last
      request.read({ onBody: () => request.pause(), onBodyEnd: () => {} })
    },
    'within an answer that it does not take': (link, host) => {
      link.hasRoom = false
      link.receive(GET)
      begin(host.last.request, host.last.reply)
    },
    'behind an answer that it does not take': (link, host) => {
      link.hasRoom = false
      link.receive(GET)
      answerOk(host.last.request, host.last.reply)
    },
    'between two requests': (link, host) => {
      link.receive(GET)
      answerOk(host.last.request, host.last.reply)
    },
    'with a body that nobody wants': (link, host) => {
      link.receive(post('body').slice(0, -2))
      answerOk(host.last.request, host.last.reply)
    },
  }
  for (const [where, bring] of Object.entries(states)) {
    for (const how of ['an end', 'a reset'] as const) {
      let gone = 0
      const host = new FakeHost((_, reply) => {
        const onClientGone = (): void => {
          gone += 1
        }
        reply.watch({ onClientDrain: () => {}, onClientGone, onClientBroken: () => {} })
      })
      const link = host.connect()
      bring(link, host)
      const isOpen = host.requests.some(({ reply }) => !reply.isEnded)
      if (how === 'an end') link.sink?.onEnd()
      else link.destroy()
      link.receive(GET)
      link.sink?.onDrain()
      t.equal(gone, isOpen ? 1 : 0, `${where}: ${how}`)
      t.equal(host.left.length, 1)
      t.ok(link.isClosed)
    }
  }
})

test('a client that ends its direction behind a complete answer still gets all of it', t => {
  for (const where of ['before the system has taken it', 'before the client has'] as const) {
    const host = new FakeHost(answerOk)
    const link = host.connect()
    link.isHolding = true
    link.hasRoom = where === 'before the client has'
    link.receive(GET)
    link.sink?.onEnd()
    t.match({ isClosed: link.isClosed, hasEnded: link.hasEnded }, { isClosed: false, hasEnded: true }, where)
    t.equal(host.left.length, 1)
    link.isHolding = false
    link.sink?.onEnd()
    t.ok(link.isClosed)
  }
  t.end()
})
