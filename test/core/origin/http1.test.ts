import { type Test, test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import type { RequestHead, ResponseHead, ResponseSink } from '../../../core/http1/messages.js'
import { plainOrigin } from '../../../core/origin/connection.js'
import { ConnectionOwner } from '../../../core/origin/connection-login.js'
import { Http1 } from '../../../core/origin/http1.js'
import type { Link, LinkSink } from '../../../core/vconn/link.js'

/** A link whose other end is the test. */
class FakeLink implements Link {
  readonly localAddress = ''
  readonly remoteAddress = ''
  isClosed = false
  isPaused = false
  takesMore = true
  sent = ''
  cause: ProxyError | undefined
  sink: LinkSink | undefined

  attach(sink: LinkSink): void {
    this.sink = sink
  }
  write(bytes: Uint8Array): boolean {
    this.sent += Buffer.from(bytes).toString('latin1')
    return this.takesMore
  }
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
  end(): void {
    this.sent += '<end>'
  }
  destroy(cause?: ProxyError): void {
    if (this.isClosed) return
    this.isClosed = true
    this.cause = cause
    this.sink?.onClose(cause)
  }
  /** As a TLS link does: memory that no receiver keeps is used again. */
  receive(text: string): void {
    const bytes = Buffer.from(text, 'latin1')
    const { sink } = this
    sink?.onData(bytes)
    if (sink?.keepsData?.() === false) bytes.fill('#')
  }
}

class Log implements ResponseSink {
  readonly said: string[] = []
  upgraded: Link | undefined
  first: Buffer | undefined
  onBodyDo: () => void = () => undefined

  onInterim({ status }: ResponseHead): void {
    this.said.push(`interim ${status}`)
  }
  onHead({ status }: ResponseHead): void {
    this.said.push(`head ${status}`)
  }
  onBody(bytes: Buffer): 'held' {
    this.said.push(bytes.toString())
    this.onBodyDo()
    return 'held'
  }
  onPartial(): void {
    this.said.push('partial')
  }
  onComplete(trailers: readonly string[]): void {
    this.said.push(`complete ${trailers.join(' ')}`)
  }
  onUpgrade({ status }: ResponseHead, link: Link, first: Buffer): void {
    this.said.push(`upgrade ${status} ${first}`)
    this.upgraded = link
    this.first = first
  }
  onDrain(): void {
    this.said.push('drain')
  }
  onFail(error: ProxyError, sawResponse: boolean): void {
    this.said.push(`fail ${error.code} ${sawResponse}`)
  }
}

const OPTIONS = () => ({ maxHeadBytes: 10_000, hasPrivateLogins: true, isLenient: true })
const CLIENT = new ConnectionOwner(() => {})
const GET: RequestHead = { method: 'GET', path: '/', headers: ['Host', 'a'], body: 'none' }
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

function setUp(request: RequestHead = GET): { link: FakeLink; http: Http1; log: Log } {
  const link = new FakeLink()
  const http = new Http1(plainOrigin(link, undefined, { scheme: 'http' }), OPTIONS)
  const log = new Log()
  http.send(request, log, CLIENT)
  return { link, http, log }
}

/** What is said when the origin's answer is `text`, and what becomes of the connection. */
function outcome(
  t: Test,
  text: string,
  expected: readonly string[],
  isIdle: boolean,
  request?: RequestHead,
): void {
  const { link, http, log } = setUp(request)
  link.receive(text)
  t.same(log.said, expected, JSON.stringify(text))
  t.equal(http.isIdle, isIdle, isIdle ? 'may be used again' : 'is of no more use')
  t.equal(link.isClosed, !isIdle)
}

test('one request after the other', async t => {
  const { link, http, log } = setUp()
  t.equal(link.sent, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.throws(() => http.send(GET, log, CLIENT), { code: 'PTC_INTERNAL' }, 'but not two at a time')
  link.receive(OK)
  t.same(log.said, ['head 200', 'ok', 'complete '])
  const next = new Log()
  http.send(GET, next, CLIENT)
  link.receive(OK.slice(0, 30))
  link.receive(OK.slice(30))
  t.same(next.said, ['partial', 'head 200', 'ok', 'complete '])
  t.equal(http.requests, 2)
})

test('conditions that make a connection unusable for the next request', async t => {
  outcome(t, OK, ['head 200', 'ok', 'complete '], true)
  outcome(t, OK.replace('Content', 'Connection: close\r\nContent'), ['head 200', 'ok', 'complete '], false)
  outcome(t, OK.replace('1.1', '1.0'), ['head 200', 'ok', 'complete '], false)
  outcome(t, `${OK}\r\n`, ['head 200', 'ok', 'complete '], false)
  outcome(t, `${OK}${OK}`, ['head 200', 'ok', 'complete '], false)
  outcome(t, OK, ['head 200', 'ok', 'complete '], false, { ...GET, method: 'POST', body: 5 })
  outcome(t, 'HTTP/1.1 204 No\r\n\r\n', ['head 204', 'complete '], true)
  outcome(t, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', ['head 200', 'complete '], true, {
    ...GET,
    method: 'HEAD',
  })
  outcome(t, 'HTTP/1.1 200 OK\r\n\r\n', ['head 200', 'complete '], true, { ...GET, method: 'HEAD' })
  outcome(t, 'HTTP/1.1 099 X\r\n\r\n', ['fail PTC_RESPONSE_MALFORMED true'], false)
})

test('the body of a request', async t => {
  const { link, http, log } = setUp({ ...GET, method: 'POST', body: 'chunked' })
  t.equal(http.writeBody(Buffer.from('0123456789abcdef')), true)
  link.takesMore = false
  t.equal(http.writeBody(Buffer.from('x')), false, 'waits when the link does')
  link.sink?.onDrain()
  http.endBody(['T', '1'])
  http.endBody(['T', 'twice'])
  t.match(link.sent, /chunked\r\n\r\n10\r\n0123456789abcdef\r\n1\r\nx\r\n0\r\nT: 1\r\n\r\n$/)
  link.receive(OK)
  t.same(log.said, ['drain', 'head 200', 'ok', 'complete '])
  t.equal(http.isIdle, true)
  t.equal(http.writeBody(Buffer.from('late')), true, 'and what comes late goes nowhere')
  t.notMatch(link.sent, /late/)
})

test('an upgrade hands over the link', async t => {
  const request = { ...GET, headers: ['Host', 'a', 'Connection', 'Upgrade', 'Upgrade', 'websocket'] }
  const { link, http, log } = setUp(request)
  link.receive('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst')
  t.same(log.said, ['upgrade 101 first'])
  t.equal(log.upgraded, link)
  t.equal(`${log.first}`, 'first', 'and what came with the answer may be kept')
  t.equal(link.isPaused, true, 'nothing is lost until its new owner resumes it')
  http.close()
  t.equal(link.isClosed, false, 'it is no longer the business of HTTP')
  const unasked = setUp()
  unasked.link.receive('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  t.same(unasked.log.said, ['fail PTC_RESPONSE_MALFORMED true'])
})

test('interim responses have a limit', async t => {
  const many = setUp()
  many.link.receive('HTTP/1.1 103 X\r\n\r\n'.repeat(1001))
  t.equal(many.log.said.filter(s => s === 'interim 103').length, 1000)
  t.equal(many.log.said.at(-1), 'fail PTC_RESPONSE_MALFORMED true')
  const large = setUp()
  large.link.receive(`HTTP/1.1 103 X\r\nA: ${'x'.repeat(9000)}\r\n\r\n`.repeat(200))
  t.equal(large.log.said.filter(s => s === 'interim 103').length, 116, 'a mebibyte of them')
  t.equal(large.log.said.at(-1), 'fail PTC_RESPONSE_MALFORMED true')
  const next = setUp()
  for (let i = 0; i < 3; i++) {
    if (i > 0) next.http.send(GET, next.log, CLIENT)
    next.link.receive(`HTTP/1.1 103 X\r\nA: ${'x'.repeat(9000)}\r\n\r\n`.repeat(50) + OK)
  }
  t.equal(next.log.said.filter(s => s.startsWith('complete')).length, 3, 'of each request')
})

test('an end before the response', async t => {
  const nothing = setUp()
  nothing.link.sink?.onEnd()
  t.same(nothing.log.said, ['fail PTC_ORIGIN_CLOSED false'])
  const broken = setUp()
  broken.link.destroy(new ProxyError('PTC_ORIGIN_TIMEOUT', 'x'))
  t.same(broken.log.said, ['fail PTC_ORIGIN_TIMEOUT false'], 'the link says why')
  const truncated = setUp()
  truncated.link.receive('HTTP/1.1 200 OK\r\n\r\nabc')
  truncated.link.destroy()
  t.same(
    truncated.log.said.slice(2),
    ['partial', 'fail PTC_ORIGIN_CLOSED true'],
    'a close without an end is no end',
  )
  const ended = setUp()
  ended.link.receive('HTTP/1.1 200 OK\r\n\r\nabc')
  ended.link.sink?.onEnd()
  t.same(ended.log.said.slice(2), ['partial', 'complete '])
})

test('a sink that gives up in the middle of a body hears nothing more', async t => {
  const { link, http, log } = setUp()
  log.onBodyDo = () => http.close(new ProxyError('PTC_CLIENT_GONE', 'x'))
  link.receive(OK)
  t.same(log.said, ['head 200', 'ok'])
  t.equal(link.cause?.code, 'PTC_CLIENT_GONE')
})

test('a sink that throws ends the connection', async t => {
  const { link, log } = setUp()
  log.onBodyDo = () => {
    throw new TypeError('oops')
  }
  link.receive(OK)
  t.same(log.said, ['head 200', 'ok', 'fail PTC_INTERNAL true'])
  t.equal(link.isClosed, true)
})

test('an idle connection that is lost', async t => {
  for (const lose of [
    (link: FakeLink) => link.receive('x'),
    (link: FakeLink) => link.sink?.onEnd(),
    (link: FakeLink) => link.destroy(),
  ]) {
    const { link, http } = setUp()
    link.receive(OK)
    let lost = 0
    http.onIdleLost(() => (lost += 1))
    lose(link)
    t.equal(lost, 1, 'its keeper hears it once')
    t.equal(http.isIdle, false)
    t.equal(link.isClosed, true)
  }
})
