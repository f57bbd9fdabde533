import { test } from 'tap'
import {
  type ConnectRequest,
  HTTP_ANSWERS,
  readConnectRequest,
} from '../../../../core/http/connect/request.js'
import { ClientRequest } from '../../../../core/http/listener/client-request.js'
import { clientOf, FakeClientLink } from '../../../kit/fake-client.js'

function read(url: string, rawHeaders: string[], httpVersion = '1.1'): ConnectRequest {
  const link = new FakeClientLink()
  const early = Buffer.from('early')
  const source = { flow: () => {}, halt: () => {}, handOver: () => ({ link, early }) }
  const head = { method: 'CONNECT', url, httpVersion, rawHeaders, isUpgrade: false }
  return readConnectRequest(new ClientRequest(clientOf(link), source, head), link, early, HTTP_ANSWERS)
}

const HOST = ['Host', 'a.test:443']

test('a target, and what has come behind the request', async t => {
  const request = read('A.test:443', HOST)
  t.match(request, { host: 'a.test', port: 443, isEstablished: false })
  t.equal(request.early.toString(), 'early')
  request.establish()
  t.ok(request.isEstablished)
  t.match(read('[::1]:443', HOST), { host: '::1', port: 443 })
  t.match(read('a.test:443', [], '1.0'), { host: 'a.test' }, 'HTTP/1.0 needs no Host')
  t.match(
    read('a.test:443', [...HOST, 'Content-Length', '00']),
    { host: 'a.test' },
    'a length of zero is none',
  )
})

test('requests that open no tunnel', async t => {
  const cases: readonly (readonly [string, () => unknown, string])[] = [
    ['no port', () => read('a.test', HOST), 'PTC_CONNECT_TARGET'],
    ['a path', () => read('a.test:443/', HOST), 'PTC_CONNECT_TARGET'],
    ['a scheme', () => read('https://a.test:443', HOST), 'PTC_CONNECT_TARGET'],
    ['a body', () => read('a.test:443', [...HOST, 'Content-Length', '1']), 'PTC_REQUEST_MALFORMED'],
    ['chunks', () => read('a.test:443', [...HOST, 'Transfer-Encoding', 'chunked']), 'PTC_REQUEST_MALFORMED'],
    ['no Host', () => read('a.test:443', []), 'PTC_REQUEST_MALFORMED'],
    ['two Hosts', () => read('a.test:443', [...HOST, ...HOST]), 'PTC_REQUEST_MALFORMED'],
    ['HTTP/2.0', () => read('a.test:443', HOST, '2.0'), 'PTC_REQUEST_VERSION'],
    ['HTTP/0.9', () => read('a.test:443', HOST, '0.9'), 'PTC_REQUEST_MALFORMED'],
  ]
  for (const [what, open, code] of cases) t.throws(open, { code }, what)
})
