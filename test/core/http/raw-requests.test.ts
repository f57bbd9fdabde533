import { createServer, type Socket } from 'node:net'
import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import type { ClientRequest } from '../../../core/http/listener/client-request.js'
import { endGently } from '../../../core/vconn/link.js'
import { ask, listen, raw, startListener } from '../../kit/running-listener.js'

const lines = (...l: string[]): string => `${l.join('\r\n')}\r\n\r\n`

test('requests that cannot be served', async t => {
  let reached = 0
  const origin = await listen(
    t,
    createServer(socket => {
      reached += 1
      socket.destroy()
    }),
  )
  const url = `http://127.0.0.1:${origin}/`
  const { port } = await startListener(t)
  const cases: readonly (readonly [string, string, number, RegExp])[] = [
    ['garbage', 'hello\r\n\r\n', 400, /PTC_REQUEST_MALFORMED/],
    ['TLS on a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, /speaks TLS/],
    ['no version', lines(`GET ${url}`, 'Host: x'), 400, /PTC_REQUEST_MALFORMED/],
    ['another version', lines(`GET ${url} HTTP/2.0`, 'Host: x'), 505, /PTC_REQUEST_VERSION/],
    ['no Host', lines(`GET ${url} HTTP/1.1`, 'A: b'), 400, /no Host field/],
    ['two Hosts', lines(`GET ${url} HTTP/1.1`, 'Host: a', 'Host: b'), 400, /more than one Host/],
    ['a bad Host', lines(`GET ${url} HTTP/1.1`, 'Host: a/b'), 400, /PTC_REQUEST_MALFORMED/],
    [
      'origin-form',
      lines('GET / HTTP/1.1', 'Host: x'),
      400,
      /PTC_REQUEST_TARGET.*Use this server as a proxy: GET http:\/\/host\/path/s,
    ],
    ['asterisk', lines('GET * HTTP/1.1', 'Host: x'), 400, /PTC_REQUEST_TARGET/],
    ['ftp', lines('GET ftp://x/ HTTP/1.1', 'Host: x'), 400, /PTC_REQUEST_SCHEME/],
    ['user info without a host', lines('GET http://u:p@/ HTTP/1.1', 'Host: x'), 400, /not a URL|no host/],
    [
      'UTF-8 in the path',
      lines('GET http://x/caf\xc3\xa9 HTTP/1.1', 'Host: x'),
      400,
      /PTC_REQUEST_TARGET.*not ASCII must be percent-encoded|not ASCII must be percent-encoded.*PTC_REQUEST_TARGET/s,
    ],
    ['fragment', lines('GET http://x/#a HTTP/1.1', 'Host: x'), 400, /PTC_REQUEST/],
    ['port 0', lines('GET http://x:0/ HTTP/1.1', 'Host: x'), 400, /port/],
    ['port 65536', lines('GET http://x:65536/ HTTP/1.1', 'Host: x'), 400, /port/],
    ['numeric host', lines('GET http://2130706433/ HTTP/1.1', 'Host: x'), 400, /host/],
    [
      'script in host',
      lines('GET http://<script>alert(1)</script>/ HTTP/1.1', 'Host: x'),
      400,
      /PTC_REQUEST/,
    ],
    [
      'two framings',
      lines(`POST ${url} HTTP/1.1`, 'Host: x', 'Content-Length: 1', 'Transfer-Encoding: chunked'),
      400,
      /PTC/,
    ],
    [
      'another coding',
      lines(`POST ${url} HTTP/1.1`, 'Host: x', 'Transfer-Encoding: gzip, chunked'),
      501,
      /PTC_NOT_IMPL/,
    ],
    [
      'a huge length',
      lines(`POST ${url} HTTP/1.1`, 'Host: x', 'Content-Length: 18446744073709551615'),
      501,
      /PTC/,
    ],
    [
      'chunked in 1.0',
      lines(`POST ${url} HTTP/1.0`, 'Transfer-Encoding: chunked'),
      400,
      /PTC_REQUEST_MALFORMED/,
    ],
    [
      'long fields',
      lines(`GET ${url} HTTP/1.1`, 'Host: x', `A: ${'x'.repeat(20_000)}`),
      431,
      /PTC_REQUEST_HEADERS/,
    ],
    ['long target', lines(`GET ${url}${'x'.repeat(20_000)} HTTP/1.1`, 'Host: x'), 431, /PTC_REQUEST_HEADERS/],
    ['CONNECT', lines('CONNECT x:443 HTTP/1.1', 'Host: x'), 501, /PTC_NOT_IMPLEMENTED/],
  ]
  for (const [name, request, status, text] of cases) {
    const page = await raw(port, request, '</html>')
    t.match(page, new RegExp(`^HTTP/1\\.1 ${status} `), name)
    t.match(page, text, 'and says why')
    t.match(page, /\r\nProxy-Status: portcullis; error=/, 'in a field too')
    t.notMatch(page, /<script/, 'nothing is reflected unescaped')
  }
  t.equal(reached, 0, 'nothing of it has reached an origin')
})

test('the head of a request may take its time only so long', async t => {
  const { port } = await startListener(t, { limits: { headersTimeout: 100 } })
  t.match(await raw(port, 'GET http://x/ HTTP/1.1\r\nHost:'), /^HTTP\/1\.1 408 Request Timeout/)
})

test('a client that opens a connection and says nothing', async t => {
  const { port } = await startListener(t, { limits: { headersTimeout: 60 } })
  t.equal(await raw(port, []), '', 'is closed')
})

test('a malformed chunk in the middle of a body', async t => {
  const origin = await listen(
    t,
    createServer(socket => socket.on('error', () => socket.destroy()).resume()),
  )
  const { port, done } = await startListener(t)
  const head = lines(`POST http://127.0.0.1:${origin}/ HTTP/1.1`, 'Host: x', 'Transfer-Encoding: chunked')
  const page = await raw(port, [head, '3\r\nabc\r\n', 'zz\r\n'])
  t.match(page, /^HTTP\/1\.1 400 .*\r\nConnection: close\r\n.*PTC_REQUEST_MALFORMED/s, 'is answered')
  t.match(done, [{ status: 400, error: { code: 'PTC_REQUEST_MALFORMED' } }])
})

test('a client that is not admitted gets 403', async t => {
  const admit = ({ client }: ClientRequest): ProxyError =>
    new ProxyError('PTC_REQUEST_DENIED', `${client.remoteAddress} is not allowed here`)
  const { port } = await startListener(t, { listener: { admit } })
  const answer = await ask(port, 'http://origin.test/')
  t.match(answer, { status: 403, body: /127\.0\.0\.1 is not allowed here/ })
  t.match(await raw(port, lines('CONNECT x:443 HTTP/1.1', 'Host: x')), /^HTTP\/1\.1 403 /)
})

test('each connection that is welcome is told of as it comes in', async t => {
  let count = 0
  let isFull = false
  const isWelcome = (socket: Socket): boolean => {
    if (isFull) socket.destroy()
    return !isFull
  }
  const onAccepted = (): void => {
    count += 1
  }
  const { port } = await startListener(t, { listener: { isWelcome, onAccepted } })
  await raw(port, 'nonsense\r\n\r\n')
  await raw(port, 'nonsense\r\n\r\n')
  t.equal(count, 2)
  isFull = true
  await raw(port, 'nonsense\r\n\r\n').catch(() => undefined)
  t.equal(count, 2)
})

test('CONNECT has its own handler, and the proxy no pages of its own', async t => {
  const { port } = await startListener(t, {
    listener: {
      onConnect: (req, link, early) => {
        link.write(Buffer.from(`${req.url} ${early}`))
        endGently(link)
      },
    },
  })
  t.equal(await raw(port, `${lines('CONNECT x:443 HTTP/1.1', 'Host: x')}first`), 'x:443 first')
  t.match(await raw(port, lines('GET /other HTTP/1.1', 'Host: x', 'Connection: close')), /^HTTP\/1\.1 400 /)
})
