import { test } from 'tap'
import { checkRequest, requestBody } from '../../../core/http1/messages.js'

const check =
  (version: string, headers: readonly string[], method = 'GET') =>
  () =>
    checkRequest(method, version, headers)

test('HTTP/1.1 requires exactly one Host field, HTTP/1.0 permits none', async t => {
  t.doesNotThrow(check('1.1', ['host', 'a:80']))
  t.doesNotThrow(check('1.0', []))
  for (const headers of [[], ['Host', 'a', 'HOST', 'a'], ['Host', 'a/b']])
    t.throws(check('1.1', headers), { code: 'PTC_REQUEST_MALFORMED' }, headers.join(' '))
})

test('other versions and methods of other protocols are refused', async t => {
  t.throws(check('2.0', ['Host', 'a']), { code: 'PTC_REQUEST_VERSION' })
  t.throws(check('0.9', ['Host', 'a']), { code: 'PTC_REQUEST_MALFORMED' })
  t.throws(check('1.1', ['Host', 'a'], 'ANNOUNCE'), { code: 'PTC_REQUEST_MALFORMED' }, 'a method of RTSP')
})

test('a body that cannot be forwarded is refused', async t => {
  t.equal(requestBody('POST', '1.1', 'chunked'), 'chunked')
  t.equal(requestBody('POST', '1.0', 5), 5)
  t.throws(() => requestBody('POST', '1.1', 'unusable'), { code: 'PTC_NOT_IMPLEMENTED' })
  t.throws(() => requestBody('POST', '1.0', 'chunked'), { code: 'PTC_REQUEST_MALFORMED' })
  t.throws(() => requestBody('TRACE', '1.1', 5), { code: 'PTC_REQUEST_MALFORMED' })
})
