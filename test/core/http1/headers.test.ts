import { test } from 'tap'
import { requestFields, responseFields, scan, trailerFields } from '../../../core/http1/headers.js'

const request = (...raw: string[]): string[] =>
  requestFields(raw, scan(raw), { authority: 'a.example', via: '1.1 me' })

test('fields of a request', async t => {
  t.same(request('HOST', 'x', 'Accept', 'a', 'accept', 'b'), [
    'Host',
    'a.example',
    'Accept',
    'a',
    'accept',
    'b',
    'Via',
    '1.1 me',
  ])
  const hop = [
    'Connection',
    'close',
    'Keep-Alive',
    '5',
    'Proxy-Connection',
    'keep-alive',
    'Proxy-Authorization',
    'x',
  ]
  t.same(request(...hop, 'Upgrade', 'h2c', 'Transfer-Encoding', 'chunked', 'Proxy', 'x'), [
    'Host',
    'a.example',
    'Via',
    '1.1 me',
  ])
  t.same(
    request(
      'Connection',
      'X-One, x-TWO',
      'X-One',
      '1',
      'X-Two',
      '2',
      'X-Three',
      '3',
      'Connection',
      'x-three',
    ),
    ['Host', 'a.example', 'Via', '1.1 me'],
    'what Connection names is struck out',
  )
  t.same(
    request('Connection', 'host, via', 'Via', '1.0 before'),
    ['Host', 'a.example', 'Via', '1.0 before', 'Via', '1.1 me'],
    'but not what makes the request',
  )
  t.same(request('TE', 'trailers, deflate;q=0.5'), [
    'Host',
    'a.example',
    'TE',
    'trailers',
    'Connection',
    'TE',
    'Via',
    '1.1 me',
  ])
  t.same(request('TE', 'gzip'), ['Host', 'a.example', 'Via', '1.1 me'])
})

test('the framing of a request', async t => {
  t.equal(scan([]).framing, 'none')
  t.equal(scan(['content-length', '12']).framing, 12)
  t.equal(scan(['transfer-encoding', 'Chunked']).framing, 'chunked')
  for (const raw of [
    ['transfer-encoding', 'gzip, chunked'],
    ['transfer-encoding', 'gzip', 'transfer-encoding', 'chunked'],
    ['content-length', '1', 'transfer-encoding', 'chunked'],
    ['transfer-encoding', 'chunked', 'content-length', '1'],
    ['content-length', '1', 'content-length', '1'],
    ['content-length', '9007199254740993'],
  ]) {
    t.equal(scan(raw).framing, 'unusable', raw.join(' '))
  }
})

test('fields of a response', async t => {
  const raw = [
    'Connection',
    'x-a',
    'X-A',
    '1',
    'Set-Cookie',
    'a',
    'Set-Cookie',
    'b',
    'Content-Length',
    '3',
    'Trailer',
    'T',
  ]
  t.same(responseFields(raw, 200, true, 'v'), [
    'Set-Cookie',
    'a',
    'Set-Cookie',
    'b',
    'Content-Length',
    '3',
    'Trailer',
    'T',
    'Via',
    'v',
  ])
  t.same(
    responseFields(raw, 204, false, 'v'),
    ['Set-Cookie', 'a', 'Set-Cookie', 'b', 'Via', 'v'],
    '204 has no length',
  )
  t.same(
    responseFields(['Proxy-Authenticate', 'Basic', 'Proxy-Status', 'x; error=y'], 200, true, 'v'),
    ['Proxy-Status', 'x; error=y', 'Via', 'v'],
    'Proxy-Status is for the client',
  )
})

test('trailers', async t => {
  t.same(trailerFields(['X', '1', 'Content-Length', '5', 'Transfer-Encoding', 'x', 'Set-Cookie', 'a']), [
    'X',
    '1',
  ])
})
