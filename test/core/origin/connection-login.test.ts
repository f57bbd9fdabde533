import { test } from 'tap'
import type { RequestHead, ResponseSink } from '../../../core/http1/messages.js'
import { plainOrigin } from '../../../core/origin/connection.js'
import { ConnectionOwner } from '../../../core/origin/connection-login.js'
import { Http1 } from '../../../core/origin/http1.js'
import { FakeLink } from '../../kit/fake-link.js'

/** What comes is of no interest here. */
class Response implements ResponseSink {
  onInterim(): void {}
  onHead(): void {}
  onBody(): 'written' {
    return 'written'
  }
  onPartial(): void {}
  onComplete(): void {}
  onUpgrade(): void {}
  onDrain(): void {}
  onFail(): void {}
}

const GET: RequestHead = { method: 'GET', path: '/', headers: ['Host', 'a'], body: 'none' }
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const CLIENT = new ConnectionOwner(() => {})

function connection(): { readonly link: FakeLink; readonly http: Http1 } {
  const link = new FakeLink()
  const options = () => ({ maxHeadBytes: 10_000, hasPrivateLogins: true, isLenient: true })
  return { link, http: new Http1(plainOrigin(link, undefined, { scheme: 'http' }), options) }
}

test('a connection belongs to the client that logs in on it', async t => {
  const other = new ConnectionOwner(() => {})
  const login: RequestHead = { ...GET, headers: ['Host', 'a', 'Authorization', 'NTLM x'] }
  const ways: [request: RequestHead, answer: string, what: string][] = [
    [login, OK, 'credentials'],
    [GET, OK.replace('\r\n', '\r\nWWW-Authenticate: NTLM\r\n'), 'a challenge'],
    [GET, `HTTP/1.1 103 Hints\r\nWWW-Authenticate: Negotiate x\r\n\r\n${OK}`, 'an interim response'],
    [
      GET,
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthentication-Info: Negotiate x\r\n\r\n',
      'a trailer',
    ],
  ]
  for (const [request, answer, what] of ways) {
    const { link, http } = connection()
    http.send(request, new Response(), CLIENT)
    link.sink?.onData(Buffer.from(answer))
    t.ok(http.isIdle)
    t.equal(http.owner, CLIENT, what)
    t.ok(http.hasLogin)
    t.throws(
      () => http.send(GET, new Response(), other),
      { code: 'PTC_INTERNAL' },
      'no request of another client leaves',
    )
    t.equal(link.written.length, 1)
    http.send(GET, new Response(), CLIENT)
    t.equal(link.written.length, 2)
  }
})

test('the owner of a login learns of its end', async t => {
  let lost = 0
  const client = new ConnectionOwner(() => {
    lost += 1
  })
  const begin = (text: string, method = 'GET') => {
    const { http, link } = connection()
    http.send({ ...GET, method, headers: ['Authorization', 'NTLM x'] }, new Response(), client)
    link.sink?.onData(Buffer.from(text))
    return { http, link }
  }
  begin('').http.close()
  t.equal(lost, 0, 'not of one that the origin knows nothing of')
  const { http } = begin(OK)
  t.equal(lost, 0)
  http.close()
  t.equal(lost, 1)
  begin(`${OK.slice(0, -6)}\r\nConnection: close\r\n\r\n`)
  t.equal(lost, 2, 'with the head of the response that is the last')
  begin('HTTP/1.1 200 OK\r\n\r\n', 'HEAD').http.close()
  t.equal(lost, 3)
  t.ok(begin('HTTP/1.1 200 OK\r\n\r\n', 'HEAD').http.isIdle)
  t.equal(lost, 3, 'a HEAD request is answered without a length, and the connection stays')
  client.end()
  http.close()
  t.equal(lost, 3, 'a client that has left is told nothing')
})
