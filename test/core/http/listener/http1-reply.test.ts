import { test } from 'tap'
import type { ReplyWatcher } from '../../../../core/http/listener/client-reply.js'
import { ClientRequest } from '../../../../core/http/listener/client-request.js'
import { Http1Reply, type ReplyOutput } from '../../../../core/http/listener/http1-reply.js'
import { clientOf, FakeClientLink } from '../../../kit/fake-client.js'

/** What a reply says to its connection. */
class Output implements ReplyOutput {
  readonly keepAliveLines = 'Connection: keep-alive\r\n'
  readonly sent: Buffer[] = []
  readonly said: string[] = []
  isHolding = false
  isBlocked = false
  send(bytes: Uint8Array): boolean {
    this.sent.push(Buffer.from(bytes))
    return !this.isBlocked
  }
  flushSoon(): void {}
  replied(): void {
    this.said.push('replied')
  }
  destroy(): void {
    this.said.push('destroyed')
  }
  text(): string {
    return Buffer.concat(this.sent).toString('latin1')
  }
  get body(): string {
    return this.text().slice(this.text().indexOf('\r\n\r\n') + 4)
  }
}

class Watcher implements ReplyWatcher {
  readonly heard: string[] = []
  onClientDrain(): void {
    this.heard.push('drain')
  }
  onClientGone(): void {
    this.heard.push('gone')
  }
  onClientBroken(): void {
    this.heard.push('broken')
  }
}

function replyTo(method = 'GET', httpVersion = '1.1', rawHeaders: string[] = []) {
  const source = { flow: () => {}, halt: () => {}, handOver: () => ({ link, early: Buffer.alloc(0) }) }
  const link = new FakeClientLink()
  const head = { method, url: '/', httpVersion, rawHeaders, isUpgrade: false }
  const request = new ClientRequest(clientOf(link), source, head)
  const out = new Output()
  const reply = new Http1Reply(out, request, httpVersion === '1.0')
  const watcher = new Watcher()
  reply.watch(watcher)
  return { request, out, reply, watcher }
}

test('a small answer is one write', async t => {
  const { out, reply } = replyTo()
  reply.sendAll(200, 'OK', ['Content-Length', '2'], Buffer.from('ok'))
  t.equal(out.sent.length, 1)
  t.match(
    out.text(),
    /^HTTP\/1\.1 200 OK\r\nContent-Length: 2\r\nDate: .*\r\nConnection: keep-alive\r\n\r\nok$/,
  )
  t.same(out.said, ['replied'])
})

test('the framing of the body', async t => {
  const cases: readonly (readonly [string, string, number, string[], RegExp, string])[] = [
    ['GET', '1.1', 200, ['Content-Length', '4'], /^(?!.*Transfer-Encoding)/s, 'body'],
    ['GET', '1.1', 200, [], /Transfer-Encoding: chunked/, '4\r\nbody\r\n0\r\n\r\n'],
    ['GET', '1.0', 200, [], /^(?!.*Transfer-Encoding).*Connection: close/s, 'body'],
    ['HEAD', '1.1', 200, ['Content-Length', '4'], /Content-Length: 4/, ''],
    ['HEAD', '1.1', 200, [], /^(?!.*Transfer-Encoding)/s, ''],
    ['GET', '1.1', 204, [], /^(?!.*Transfer-Encoding)/s, ''],
    ['GET', '1.1', 304, ['Content-Length', '4'], /Content-Length: 4/, ''],
  ]
  for (const [method, version, status, fields, head, body] of cases) {
    const { out, reply } = replyTo(method, version)
    reply.sendAll(status, '', fields, Buffer.from('body'))
    t.match(out.text(), head, `${method} ${version} ${status} ${fields}`)
    t.equal(out.body, body)
  }
})

test('many small writes become one, in order and copied', async t => {
  const { out, reply } = replyTo()
  reply.writeHead(200, 'OK', [])
  const view = Buffer.alloc(1)
  for (let n = 0; n < 1000; n++) {
    view[0] = 97 + (n % 26)
    reply.write(view)
  }
  view.fill(0)
  reply.flush()
  t.equal(out.sent.length, 1)
  const wanted = Array.from({ length: 1000 }, (_, n) => `1\r\n${String.fromCharCode(97 + (n % 26))}\r\n`)
  t.equal(out.body, wanted.join(''))
  reply.flush()
  t.equal(out.sent.length, 1, 'nothing is sent twice')
})

test('a writer is told to wait when the client does not read, however small the pieces', async t => {
  const { out, reply, watcher } = replyTo()
  reply.writeHead(200, 'OK', ['Content-Length', '100000'])
  t.ok(reply.write(Buffer.alloc(100)))
  reply.flush()
  out.isBlocked = true
  t.notOk(reply.write(Buffer.alloc(100)), 'a small one')
  t.notOk(reply.write(Buffer.alloc(50_000)), 'a large one')
  reply.drained()
  t.same(watcher.heard, ['drain'])
})

test('a reply that its writer cuts off reports no departure of the client', async t => {
  const { out, reply, watcher } = replyTo()
  reply.writeHead(200, 'OK', []).write(Buffer.from('a'))
  reply.cut()
  reply.gone()
  reply.end()
  t.same(watcher.heard, [])
  t.same(out.said, ['destroyed'])
  t.ok(reply.headersSent, 'its head has been sent')
})

test('a client that leaves is told of once', async t => {
  const { out, reply, watcher } = replyTo()
  reply.gone()
  reply.gone()
  reply.sendAll(200, 'OK', [], Buffer.from('late'))
  t.same(watcher.heard, ['gone'])
  t.equal(out.text(), '')
  t.notOk(reply.headersSent)
})

test('a client that was not asked for the body that it announced', async t => {
  const expect = ['Expect', '100-continue']
  const refused = replyTo('POST', '1.1', expect)
  refused.reply.sendAll(403, 'Forbidden', ['Content-Length', '0'], Buffer.alloc(0))
  t.match(refused.out.text(), /Connection: close/)
  const asked = replyTo('POST', '1.1', expect)
  asked.reply.writeInterim({ version: '1.1', status: 100, reason: 'Continue', headers: [] }, undefined)
  asked.reply.sendAll(200, 'OK', ['Content-Length', '0'], Buffer.alloc(0))
  t.match(asked.out.text(), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK.*keep-alive/s)
  const complete = replyTo('POST', '1.1', expect)
  complete.request.complete([])
  complete.reply.sendAll(200, 'OK', ['Content-Length', '0'], Buffer.alloc(0))
  t.match(complete.out.text(), /keep-alive/, 'sent all the same, and whole')
})

test('trailers follow chunks, and nothing else', async t => {
  for (const [version, body] of [
    ['1.1', '1\r\na\r\n0\r\nX: y\r\n\r\n'],
    ['1.0', 'a'],
  ] as const) {
    const { out, reply } = replyTo('GET', version)
    reply.writeHead(200, 'OK', []).write(Buffer.from('a'))
    reply.end(['X', 'y'])
    t.equal(out.body, body)
  }
})

test('of little that was written nothing is needed any more, of much perhaps', async t => {
  const { out, reply } = replyTo()
  const little = Buffer.alloc(16_383, 'a')
  reply.writeHead(200, 'OK', ['Content-Length', '32767'])
  reply.write(little)
  out.isHolding = true
  t.notOk(reply.holds(little), 'though bytes of before wait for the client')
  little.fill('x')
  const much = Buffer.alloc(16_384, 'b')
  reply.write(much)
  t.ok(reply.holds(much))
  out.isHolding = false
  t.notOk(reply.holds(much))
  reply.end()
  t.equal(out.body, 'a'.repeat(16_383) + 'b'.repeat(16_384), 'it was copied')
})
