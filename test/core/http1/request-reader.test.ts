import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { type BodySource, ClientRequest } from '../../../core/http/listener/client-request.js'
import { type ReceivedHead, RequestReader, type RequestSink } from '../../../core/http1/request-reader.js'
import { clientOf, FakeClientLink } from '../../kit/fake-client.js'

/** Reads every body, or none, and writes down what comes. */
class Host implements BodySource, RequestSink<ClientRequest> {
  readonly client = clientOf(new FakeClientLink())
  readonly said: string[] = []
  readonly reader: RequestReader<ClientRequest>
  readonly #readsBodies: boolean
  #body = ''
  pieces = 0

  constructor(readsBodies = true, maxHeaderBytes = 1000) {
    this.#readsBodies = readsBodies
    this.reader = new RequestReader(this, maxHeaderBytes)
  }

  open(head: ReceivedHead): ClientRequest {
    return new ClientRequest(this.client, this, head)
  }

  onRequest(request: ClientRequest, keepsAlive: boolean): void {
    const { method, url, rawHeaders } = request
    this.said.push(`${method} ${url} ${rawHeaders.join('=')} ${keepsAlive ? 'keep' : 'close'}`)
    this.#body = ''
    if (!this.#readsBodies) return
    request.read({
      onBody: bytes => {
        this.#body += bytes.toString('latin1')
        this.pieces += 1
      },
      onBodyEnd: () => this.said.push(`body ${this.#body} ${request.rawTrailers.join('=')}`),
    })
  }

  flow(): void {
    this.reader.release()
    this.reader.run()
  }

  halt(): void {
    this.reader.hold()
  }

  handOver(): never {
    throw new ProxyError('PTC_INTERNAL', 'not in this test')
  }

  /** As far as it goes; each request is done with as soon as it is complete. */
  take(text: string): this {
    try {
      this.reader.take(Buffer.from(text, 'latin1'))
      let before = -1
      while (this.reader.unparsed.length > 0 && this.reader.unparsed.length !== before) {
        before = this.reader.unparsed.length
        this.reader.next()
        this.reader.run()
      }
      this.reader.next()
    } catch (error) {
      this.said.push(error instanceof ProxyError ? error.code : String(error))
    }
    return this
  }
}

const MESSAGES =
  'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n' +
  'POST /2 HTTP/1.1\r\nHost:a \r\nContent-Length: 5  \r\n\r\nhello' +
  '\r\n\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked \r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: v \r\nU:\r\n\r\n' +
  'PUT /4 HTTP/1.1\r\nEmpty:\r\nBlank:  \r\nContent-Length: 00\r\n\r\n' +
  'GET /5 HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 1\r\n\r\n!' +
  'GET /6 HTTP/1.0\r\n\r\n'
const EVENTS = [
  'GET /1 Host=a keep',
  'body  ',
  'POST /2 Host=a=Content-Length=5 keep',
  'body hello ',
  'POST /3 Host=a=Transfer-Encoding=chunked keep',
  'body abcd T=v=U=',
  'PUT /4 Empty==Blank==Content-Length=00 keep',
  'body  ',
  'GET /5 Upgrade=h2c=Connection=upgrade=Content-Length=1 keep',
  'body ! ',
  'GET /6  close',
  'body  ',
]

test('messages are the same wherever they are cut', async t => {
  t.same(new Host().take(MESSAGES).said, EVENTS)
  for (let at = 1; at < MESSAGES.length; at++) {
    const { said } = new Host().take(MESSAGES.slice(0, at)).take(MESSAGES.slice(at))
    if (said.join('|') !== EVENTS.join('|')) t.same(said, EVENTS, `cut at ${at}`)
  }
  const host = new Host()
  for (const byte of MESSAGES) host.take(byte)
  t.same(host.said, EVENTS, 'byte by byte')
})

test('the end of one message is where its framing says, whatever comes behind', async t => {
  const host = new Host(false)
  host.reader.take(Buffer.from('POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /behind HTTP/1.1\r\n\r\n'))
  t.equal(
    host.reader.unparsed.toString(),
    'abcGET /behind HTTP/1.1\r\n\r\n',
    'a body that nobody wants waits',
  )
  host.flow()
  t.equal(host.reader.unparsed.toString(), 'GET /behind HTTP/1.1\r\n\r\n')
  host.reader.run()
  t.equal(host.said.length, 1, 'and so does the next request')
})

test('a request that asks for another protocol ends with its head', async t => {
  const head = 'GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n'
  const host = new Host(false)
  host.reader.take(Buffer.from(`${head}frames`))
  t.equal(host.reader.unparsed.toString(), 'frames')
  const connect = new Host(false)
  connect.reader.take(Buffer.from('CONNECT a:1 HTTP/1.1\r\nContent-Length: 6\r\n\r\nframes'))
  t.equal(connect.reader.unparsed.toString(), 'frames', 'and CONNECT does, whatever its length says')
})

test('after malformed bytes the reader looks at nothing else', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['nonsense\r\n\r\n', 'PTC_REQUEST_MALFORMED'],
    ['\x16\x03\x01', 'PTC_REQUEST_MALFORMED'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'PTC_REQUEST_VERSION'],
    ['WHAT http://a/ HTTP/1.1\r\n\r\n', 'PTC_NOT_IMPLEMENTED'],
    [`GET / HTTP/1.1\r\nA: ${'x'.repeat(2000)}\r\n\r\n`, 'PTC_REQUEST_HEADERS_TOO_LARGE'],
    [`GET / HTTP/1.1\r\n${'A:\r\n'.repeat(300)}\r\n`, 'PTC_REQUEST_HEADERS_TOO_LARGE'],
    [`GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(2000)}\r\n`, 'PTC_REQUEST_HEADERS_TOO_LARGE'],
    ['POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 'PTC_REQUEST_MALFORMED'],
    ['GET / HTTP/1.1\r\nA: b\r\n c: d\r\n\r\n', 'PTC_REQUEST_MALFORMED'],
    ['GET / HTTP/1.1\r\nA : b\r\n\r\n', 'PTC_REQUEST_MALFORMED'],
    ['GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n', 'PTC_REQUEST_MALFORMED'],
    ['GET / HTTP/1.1\r\nA: b\0\r\n\r\n', 'PTC_REQUEST_MALFORMED'],
  ]
  for (const [bytes, code] of cases) {
    const host = new Host().take(bytes).take('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    t.same(host.said, [code], JSON.stringify(bytes.slice(0, 40)))
  }
})

test('a chunk that is malformed ends the body before its end', async t => {
  const head = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'
  for (const body of ['1\nx\r\n', '-1\r\n', '0x1\r\nx', '1\r\nxy\r\n', 'ffffffffffffffffff\r\n', '1 \r\n']) {
    const { said } = new Host().take(`${head}1\r\na\r\n${body}`)
    t.equal(said.at(-1), 'PTC_REQUEST_MALFORMED', JSON.stringify(body))
    t.notOk(said.some(event => event.startsWith('body')))
  }
  const { said } = new Host().take(`${head}1;${'x'.repeat(20_000)}\r\n`)
  t.equal(said.at(-1), 'PTC_REQUEST_MALFORMED', 'as does one that is almost only framing')
})

test('a body in tiny chunks goes on in few pieces', async t => {
  const host = new Host()
  host.take('POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n')
  host.take(`${'1\r\nx\r\n'.repeat(10_000)}0\r\n\r\n`)
  t.equal(host.said.at(-1), `body ${'x'.repeat(10_000)} `)
  t.ok(host.pieces < 12, `${host.pieces} of them`)
})

test('after its stop nothing is read', async t => {
  const host = new Host()
  host.reader.take(Buffer.from('GET / HT'))
  t.ok(host.reader.isInHead)
  host.reader.stop()
  host.reader.stop()
  t.notOk(host.reader.isInHead)
  host.take('TP/1.1\r\n\r\n')
  t.same(host.said, [])
})
