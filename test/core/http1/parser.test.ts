import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { HttpParser, type MessageEvents } from '../../../core/http1/parser.js'

/** Writes down what a parser says. */
class Log implements MessageEvents {
  readonly lines: string[] = []
  parser: HttpParser
  head: 'asFramed' | 'none' | 'upgrade' = 'asFramed'
  goesOn = false
  bodies: Buffer[] = []

  constructor(type: 'request' | 'response' = 'response', max = 16_384) {
    this.parser = new HttpParser(type, this, max)
  }

  onHead(): 'asFramed' | 'none' | 'upgrade' {
    const { status, reason, headers, version } = this.parser
    this.lines.push(`${version} ${status} ${reason} ${headers.join('|')}`)
    return this.head
  }

  onBody(bytes: Buffer): void {
    this.bodies.push(bytes)
    this.lines.push(bytes.toString('latin1'))
  }

  onMessage(): boolean {
    this.lines.push(`end ${this.parser.keepsAlive} ${this.parser.trailers.join('|')}`)
    return this.goesOn
  }

  feed(text: string): number {
    return this.parser.execute(Buffer.from(text, 'latin1'))
  }
}

const lines = (...l: string[]): string => `${l.join('\r\n')}\r\n\r\n`

test('a response with a length', async t => {
  const log = new Log()
  const text = `${lines('HTTP/1.1 200 OK', 'A: 1', 'a: 2', 'Empty:', 'Content-Length: 5')}hello`
  t.equal(log.feed(text), text.length, 'is consumed whole')
  t.same(
    log.lines,
    ['11 200 OK A|1|a|2|Empty||Content-Length|5', 'hello', 'end true '],
    'keeps duplicates and case',
  )
  log.parser.free()
})

test('a response byte by byte', async t => {
  const log = new Log()
  const head = lines('HTTP/1.1 200 Very Fine', 'Abc: d e', 'Empty:', 'X: \xe9', 'Transfer-Encoding: chunked')
  for (const byte of `${head}3\r\nabc\r\n0\r\nT: 1\r\nU: 2\r\n\r\n`) log.feed(byte)
  t.same(log.lines, [
    '11 200 Very Fine Abc|d e|Empty||X|\xe9|Transfer-Encoding|chunked',
    'a',
    'b',
    'c',
    'end true T|1|U|2',
  ])
  log.parser.free()
})

test('bodies are views of the input', async t => {
  const log = new Log()
  const bytes = Buffer.from(`${lines('HTTP/1.1 200 OK', 'Content-Length: 200000')}${'x'.repeat(200_000)}`)
  t.equal(log.parser.execute(bytes), bytes.length, 'input longer than a slice is consumed')
  t.equal(Buffer.concat(log.bodies).length, 200_000)
  t.ok(
    log.bodies.every(b => b.buffer === bytes.buffer),
    'nothing was copied',
  )
  log.parser.free()
})

test('a parser stops after a message', async t => {
  const log = new Log()
  const first = lines('HTTP/1.1 204 No Content')
  t.equal(log.feed(first + lines('HTTP/1.1 200 OK')), first.length, 'what comes after it is not consumed')
  t.throws(
    () => log.feed('x'),
    { code: 'PTC_INTERNAL' },
    'and takes nothing until it is asked for the next one',
  )
  log.parser.next()
  log.feed(lines('HTTP/1.1 304 Not Modified', 'Content-Length: 10'))
  t.same(log.lines.slice(2), ['11 304 Not Modified Content-Length|10', 'end true '], '304 has no body')
  log.parser.free()
})

test('a response to HEAD has no body whatever its length says', async t => {
  const log = new Log()
  log.head = 'none'
  log.feed(lines('HTTP/1.1 200 OK', 'Content-Length: 5'))
  t.same(log.lines.slice(1), ['end true '])
  log.parser.free()
})

test('a body that lasts until the end', async t => {
  const log = new Log()
  log.feed(`${lines('HTTP/1.1 200 OK')}abc`)
  t.same(log.lines.slice(1), ['abc'], 'is not complete before')
  t.equal(log.parser.finish(), true)
  t.same(log.lines.slice(2), ['end false '], 'and ends the connection')
  log.parser.free()
})

test('an end inside a message is told', async t => {
  for (const text of ['HTTP/1.1 200 O', lines('HTTP/1.1 200 OK', 'Content-Length: 5'), 'HTTP/1.1']) {
    const log = new Log()
    log.feed(text)
    t.equal(log.parser.finish(), false, JSON.stringify(text))
    log.parser.free()
  }
})

test('interim responses and upgrades', async t => {
  const log = new Log()
  log.goesOn = true
  log.feed(lines('HTTP/1.1 100 Continue') + lines('HTTP/1.1 103 Early Hints', 'Link: x'))
  t.match(log.lines, ['11 100 Continue ', /end/, '11 103 Early Hints Link|x', /end/])
  const text = lines('HTTP/1.1 101 Switching', 'Connection: Upgrade', 'Upgrade: x')
  t.equal(log.feed(`${text}raw`), text.length, 'nothing after a 101 is parsed')
  t.equal(log.parser.isUpgrade, true)
  log.parser.free()
})

test('malformed responses', async t => {
  const bad = {
    garbage: 'SSH-2.0-OpenSSH\r\n',
    'negative length': lines('HTTP/1.1 200 OK', 'Content-Length: -1'),
    'two lengths': lines('HTTP/1.1 200 OK', 'Content-Length: 1', 'Content-Length: 2'),
    'length and chunked': lines('HTTP/1.1 200 OK', 'Content-Length: 1', 'Transfer-Encoding: chunked'),
    'chunked and length': lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Content-Length: 1'),
    'space before colon': lines('HTTP/1.1 200 OK', 'A : b'),
    'bare LF': 'HTTP/1.1 200 OK\nA: b\n\n',
    'NUL in a value': lines('HTTP/1.1 200 OK', 'A: \0'),
    'bad chunk size': `${lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}zz\r\n`,
    'chunk too long': `${lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}1\r\nab\r\n0\r\n\r\n`,
  }
  for (const [name, text] of Object.entries(bad)) {
    const log = new Log()
    t.throws(() => log.feed(text), { code: 'PTC_RESPONSE_MALFORMED' }, name)
    t.throws(() => log.feed('x'), { code: 'PTC_INTERNAL' }, 'a failed parser takes no more bytes')
    log.parser.free()
    log.parser.free()
  }
})

test('header fields beyond the limit', async t => {
  const long = lines('HTTP/1.1 200 OK', `A: ${'x'.repeat(2000)}`)
  t.throws(() => new Log('response', 1000).feed(long), { code: 'PTC_RESPONSE_MALFORMED', message: /1000/ })
  t.doesNotThrow(() => new Log('response', 2100).feed(long))
  const request = lines('GET / HTTP/1.1', `A: ${'x'.repeat(2000)}`)
  t.throws(() => new Log('request', 1000).feed(request), { code: 'PTC_REQUEST_HEADERS_TOO_LARGE' })
  const chunked = lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')
  t.throws(
    () => new Log('response', 1000).feed(`${chunked}0\r\nT: ${'x'.repeat(2000)}\r\n\r\n`),
    { code: 'PTC_RESPONSE_MALFORMED' },
    'trailers count',
  )
})

test('a callback that throws', async t => {
  const log = new Log()
  log.onHead = () => {
    throw new ProxyError('PTC_CLIENT_GONE', 'x')
  }
  t.throws(() => log.feed(lines('HTTP/1.1 200 OK')), { code: 'PTC_CLIENT_GONE' }, 'its error comes out')
  log.parser.free()
  const other = new Log()
  other.onBody = () => {
    throw new TypeError('oops')
  }
  t.throws(() => other.feed(`${lines('HTTP/1.1 200 OK', 'Content-Length: 3')}abc`), {
    code: 'PTC_INTERNAL',
    message: 'oops',
  })
  other.parser.free()
  const after = new Log()
  after.feed(lines('HTTP/1.1 204 OK'))
  t.equal(after.lines.length, 2, 'the instance serves other parsers as before')
  after.parser.free()
})

test('a parser runs inside the callback of another one', async t => {
  const inner = new Log()
  const outer = new Log()
  const bodies: string[] = []
  outer.onBody = bytes => {
    bodies.push(bytes.toString())
    inner.feed(`${lines('HTTP/1.1 200 OK', 'Content-Length: 9')}inner bod`)
  }
  outer.feed(`${lines('HTTP/1.1 200 OK', 'Content-Length: 10')}outer body`)
  t.same(bodies, ['outer body'])
  t.same(inner.lines.slice(1), ['inner bod', 'end true '])
  t.same(outer.lines.slice(1), ['end true '], 'and the outer one goes on with its own input')
  inner.parser.free()
  outer.parser.free()
})

test('a parser freed in its own callback', async t => {
  const log = new Log()
  log.onBody = () => log.parser.free()
  t.doesNotThrow(() => log.feed(`${lines('HTTP/1.1 200 OK', 'Content-Length: 3')}abc`))
  t.equal(log.lines.length, 1, 'is not called again')
  t.throws(() => log.feed('x'), { code: 'PTC_INTERNAL' })
  log.parser.free()
})

test('names and values of every length are what was sent, wherever they stand and are cut', async t => {
  for (const length of [0, 1, 1000, 1022, 1023, 1024, 1025, 1026, 2047, 2048, 2049, 5000]) {
    const [name, value] = [`n${'a'.repeat(length)}`, `\xe9${'b'.repeat(length)}`]
    const text = lines('HTTP/1.1 200 OK', 'First: 1', `${name}: ${value}`, 'Last: 2', 'Content-Length: 0')
    const expected = `11 200 OK First|1|${name}|${value}|Last|2|Content-Length|0`
    for (const cut of [text.length, 1024, 40, Math.ceil(text.length / 2)]) {
      const log = new Log()
      log.feed(text.slice(0, cut))
      if (cut < text.length) log.feed(text.slice(cut))
      t.equal(log.lines[0], expected, `${length} characters, cut at ${cut}`)
    }
  }
})
