import { type Test, test } from 'tap'
import { PlainLink } from '../../../../core/http/connect/plain-link.js'
import { helloMessage, inRecords } from '../../../kit/client-hellos.js'
import { FakeLink, SinkLog } from '../../../kit/fake-link.js'

const A = 'Host: a.example\r\n\r\n'
const B = 'Host: b.example\r\n\r\n'
const GET = 'GET / HTTP/1.1\r\n'
const WEB_SOCKET = `${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n${A}`
const SWITCHED = 'HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

interface Stage {
  readonly link: PlainLink
  readonly under: FakeLink
  readonly sink: SinkLog
  /** What reaches the origin. */
  send(text: string | Buffer): string
  answer(text: string): void
}

/** A tunnel for a.example, in which nothing may be for b.example. */
function stage(): Stage {
  const under = new FakeLink()
  const link = new PlainLink(under, host => host !== 'b.example')
  const sink = new SinkLog()
  link.attach(sink)
  return {
    link,
    under,
    sink,
    send: text => {
      link.write(Buffer.from(text))
      return under.sent().toString()
    },
    answer: text => under.sink?.onData(Buffer.from(text)),
  }
}

function isCut(t: Test, { under, sink }: Stage, code: string, what: string): void {
  t.notMatch(under.sent().toString(), /b\.example\r\n\r\n/, `${what}: the head for b is not complete`)
  t.strictSame([under.isClosed, sink.said.at(-1)], [true, `close ${code}`], what)
}

test('requests for hosts that may be named pass as they are', async t => {
  const it = stage()
  const all = `${GET}${A}HEAD / HTTP/1.1\r\n${A}POST / HTTP/1.1\r\nContent-Length: 7\r\n${A}GET b\r\n${GET}${A}`
  for (const char of all) it.link.write(Buffer.from(char))
  t.equal(it.under.sent().toString(), all)
  t.notOk(it.under.isClosed)
  const chunked = `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${A}3\r\nabc\r\n0\r\n\r\n`
  t.equal(it.send(chunked + chunked), chunked + chunked)
})

test('a later request for another host ends the tunnel', async t => {
  const firsts = [
    `${GET}${A}`,
    `POST / HTTP/1.1\r\nContent-Length: 1\r\n${A}x`,
    `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${A}1\r\nx\r\n0\r\n\r\n`,
    `${GET}${A}${GET}${A}`,
  ]
  for (const first of firsts)
    for (const second of [
      `${GET}${B}`,
      `GET http://b.example/ HTTP/1.1\r\n${A}`,
      `${GET}Host: b.example\r\n${A}`,
    ]) {
      const together = stage()
      together.send(first + second)
      isCut(t, together, 'PTC_MISDIRECTED', first + second)
      const apart = stage()
      apart.send(first)
      apart.answer('HTTP/1.1 204 x\r\n\r\n')
      for (const char of second) apart.send(char)
      isCut(t, apart, 'PTC_MISDIRECTED', `apart: ${first}${second}`)
    }
})

test('a request with a hidden host ends the tunnel', async t => {
  for (const bytes of [
    `${GET}Host:\r\n b.example\r\n\r\n`,
    `${GET}Host: b.example:80:80\r\n\r\n`,
    `${GET}${A}GET\t/ HTTP/1.1\r\n${B}`,
    `GET\t/ HTTP/1.1\r\n${B}`,
    `FOO / HTTP/1.1\r\n${B}`,
    `FOO / HTTP/1.1\r\n${A}`,
    `GET / HTTP/2.0\r\n${B}`,
    `GET / HTTP/1.1\rX: y\r\n${B}`,
    `CONNECT a.example:443 HTTP/1.1\r\n${A}`,
    `${GET}${A}CONNECT a.example:443 HTTP/1.1\r\n${A}`,
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    `${GET}${A}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n',
    Buffer.from('\r\n\r\n\0\r\nQUIT\n'),
    `${GET}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n${A}`,
    inRecords(helloMessage({ names: ['a.example'] })),
  ]) {
    for (const size of [1, 3, bytes.length]) {
      const it = stage()
      const all = Buffer.from(bytes)
      for (let at = 0; at < all.length; at += size) it.link.write(all.subarray(at, at + size))
      const { said } = it.sink
      t.match(
        said.at(-1),
        /^close PTC_(TUNNEL_HIDDEN|MISDIRECTED)$/,
        `${JSON.stringify(String(bytes))} ${size}`,
      )
      t.notMatch(it.under.sent().toString(), /b\.example\r\n\r\n|HTTP\/2\.0\r\n\r\nSM\r\n\r\n/)
    }
  }
})

test('a request whose line is too long to be read ends the tunnel', async t => {
  const long = 'x'.repeat(17_000)
  for (const [what, bytes] of [
    ['a long target', `GET /${long} HTTP/1.1\r\n${B}`],
    ['a long target of an unknown method', `FOO /${long} HTTP/1.1\r\n${B}`],
    ['a long method', `${long} / HTTP/1.1\r\n${B}`],
    ['empty lines', `${'\r\n'.repeat(9000)}${GET}${B}`],
    ['empty lines, and a line that is cut off', `${'\r\n'.repeat(8185)}${GET}${B}`],
    ['blanks', `${' '.repeat(17_000)}${GET}${B}`],
  ] as const) {
    for (const size of [1000, bytes.length]) {
      const it = stage()
      const all = Buffer.from(bytes)
      for (let at = 0; at < all.length; at += size) it.link.write(all.subarray(at, at + size))
      isCut(t, it, 'PTC_TUNNEL_HIDDEN', `${what}, ${size} bytes at a time`)
    }
  }
  const endless = stage()
  for (let i = 0; i < 20; i++) endless.link.write(Buffer.from(long.slice(0, 1000)))
  isCut(t, endless, 'PTC_TUNNEL_HIDDEN', 'what never ends is not stored without end')
  const binary = Buffer.concat([Buffer.from(long.slice(0, 1000)), Buffer.alloc(1), Buffer.alloc(40_000, 'x')])
  t.equal(stage().send(binary).length, binary.length, 'a byte that is in no line shows another protocol')
})

test('requests without answers are not counted without end', t => {
  const answered = stage()
  for (let i = 0; i < 11_000; i++) {
    answered.link.write(Buffer.from(`${GET}${A}`))
    answered.answer('HTTP/1.1 204 x\r\n\r\n')
  }
  t.notOk(answered.under.isClosed)
  for (const answer of ['', 'no HTTP\r\n\r\n']) {
    const it = stage()
    it.send(`${GET}${A}`)
    if (answer !== '') it.answer(answer)
    for (let i = 0; i < 11; i++) it.link.write(Buffer.from(`${GET}${A}`.repeat(1000)))
    isCut(t, it, 'PTC_TUNNEL_HIDDEN', answer === '' ? 'a silent origin' : 'an origin that cannot be read')
  }
  t.end()
})

test('other protocols pass at once', async t => {
  for (const text of [
    'x',
    'SSH-2.0-x',
    '\0\0\0\x05hello',
    'EHLO x\r\n',
    '70:CONTENT_LENGTH\0',
    '\x01HTTP/1.1\n',
  ])
    t.equal(stage().send(text), text, JSON.stringify(text))
  const late = stage()
  t.equal(late.send('FOO'), 'FOO', 'what may still become a request passes, and is watched')
  t.equal(late.send(` / HTTP/1.1\r\n${B}`), '')
  isCut(t, late, 'PTC_TUNNEL_HIDDEN', 'as a request')
  const opaque = stage()
  t.equal(
    opaque.send('EHLO x\r\n') + opaque.send(`${GET}${B}`),
    `EHLO x\r\n${GET}${B}`,
    'no web server reads on',
  )
  const ended = stage()
  t.equal(ended.send('GET'), '', 'a request is awaited')
  ended.link.end()
  t.equal(ended.under.sent().toString(), 'GET')
  t.ok(ended.under.hasEnded)
  const half = stage()
  half.send(`${GET}Host: b.example\r\n`)
  half.link.end()
  t.equal(half.under.sent().toString(), '', 'half a request does not pass')
})

test('a protocol that is switched to passes once the origin has switched', async t => {
  const it = stage()
  t.equal(it.send(`${WEB_SOCKET}frames`), WEB_SOCKET, 'what follows is held')
  t.equal(it.send(' and more'), '')
  it.answer('HTTP/1.1 103 x\r\n\r\n')
  it.answer(SWITCHED)
  t.equal(it.under.sent().toString(), 'frames and more')
  t.equal(it.send(`${GET}${B}`), `${GET}${B}`, 'unseen from here on')
  t.match(it.sink.said.join(''), / 103 .* 101 /s)
})

test('a request to switch that is not followed does not end the watch', async t => {
  const it = stage()
  t.equal(it.send(`${WEB_SOCKET}${GET}${B}`), WEB_SOCKET)
  it.answer('HTTP/1.1 200 x\r\nContent-Length: 1\r\n\r\n')
  isCut(t, it, 'PTC_MISDIRECTED', 'the request behind it')

  const again = stage()
  again.send(WEB_SOCKET)
  again.answer('HTTP/1.1 401 x\r\nContent-Length: 0\r\n\r\n')
  t.equal(again.send(WEB_SOCKET), WEB_SOCKET, 'it may be sent again')
  again.answer(SWITCHED)
  t.equal(again.send('frames'), 'frames')
})

test('an answer of an earlier request is not taken for the switch', async t => {
  const it = stage()
  it.send(`HEAD / HTTP/1.1\r\n${A}${GET}${A}${WEB_SOCKET}${GET}${B}`)
  t.equal(it.under.sent().toString(), '')
  it.answer('HTTP/1.1 200 x\r\nContent-Length: 5\r\n\r\n')
  it.answer(`HTTP/1.1 200 x\r\nContent-Length: ${SWITCHED.length}\r\n\r\n${SWITCHED}`)
  t.notOk(it.under.isClosed, 'it is still awaited')
  it.answer('HTTP/1.1 404 x\r\n\r\n')
  isCut(t, it, 'PTC_MISDIRECTED', 'it was not')
})

test('no switch leads to a protocol that hides hosts', async t => {
  for (const protocol of ['h2c', 'TLS/1.0', 'websocket, h2c']) {
    const it = stage()
    it.send(`${GET}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n${A}`)
    it.answer(`HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`)
    isCut(t, it, 'PTC_TUNNEL_HIDDEN', protocol)
    t.notMatch(it.sink.said.join(''), '101', 'the client does not hear of it')
  }
  const strange = stage()
  strange.send(WEB_SOCKET)
  strange.answer('what is this\r\n')
  isCut(t, strange, 'PTC_TUNNEL_HIDDEN', 'an answer that cannot be read')
  const busy = stage()
  busy.send(WEB_SOCKET)
  for (let i = 0; i < 70 && !busy.under.isClosed; i++) busy.send('x'.repeat(1024))
  isCut(t, busy, 'PTC_TUNNEL_HIDDEN', 'a client that does not wait')
})
