import { test } from 'tap'
import { postpone } from '../../../../core/api/verdict.js'
import { ProxyError } from '../../../../core/base/errors.js'
import { errorReply, proxyStatus, replyBytes } from '../../../../core/http/pages/replies.js'
import { rejectedBy, rejection, VerifyRejected } from '../../../../core/tls/judge/verdict.js'

const rejected = new VerifyRejected(
  rejection('plugin', 'revoked', 'evil.example', 'seen <b>"there"</b>', 'async_verify'),
)
const about = { host: 'evil.example' }
const text = (error: ProxyError, headers: Record<string, string>): string =>
  errorReply(error, about, headers).body.toString()

test('the page of a rejection', async t => {
  for (const [format, headers] of Object.entries({
    html: { accept: 'text/html,application/xhtml+xml,application/json;q=0.9' },
    json: { accept: 'application/json' },
    curl: { accept: '*/*', 'user-agent': 'curl/8.0' },
  })) {
    const page = text(rejected, headers)
    for (const what of [
      /async_verify/,
      /X509_V_ERR_CERT_REVOKED/,
      /23/,
      /evil\.example/,
      /PTC_VERIFY_REJECTED/,
      /plugin/,
    ]) {
      t.match(page, what, `${format} names ${what}`)
    }
  }
  t.notMatch(text(rejected, {}), /<b>/, 'a detail is text, whatever it looks like')
  t.match(JSON.parse(text(rejected, { accept: 'application/json' })), {
    error: {
      code: 'PTC_VERIFY_REJECTED',
      status: 502,
      rejection: { by: 'plugin', plugin: 'async_verify', code: 23 },
    },
  })
})

test('a decision that is still open is a 503 with its hold', async t => {
  const verdict = postpone({ id: 'q1f', retryAfter: 20 }, 'a person is asked')
  const error = new VerifyRejected(rejectedBy('approval', 'new.example', verdict))
  const { status, headers, body } = errorReply(error, about, { accept: 'application/json' })
  t.equal(status, 503)
  t.equal(headers[headers.indexOf('Retry-After') + 1], '20')
  t.match(
    headers[headers.indexOf('Proxy-Status') + 1],
    /^portcullis; error=destination_unavailable; hold=q1f; /,
  )
  t.match(JSON.parse(body.toString()), {
    hold: 'q1f',
    error: {
      code: 'PTC_VERIFY_POSTPONED',
      hold: 'q1f',
      message: /not judged yet .* hold=q1f: a person is asked/,
    },
  })
  t.match(errorReply(error, about, { 'user-agent': 'curl/8' }).body.toString(), /Hold: q1f/)
})

test('the format follows from what the client asks for', async t => {
  const type = (headers: Record<string, string>): unknown => errorReply(rejected, about, headers).headers[1]
  t.equal(type({}), 'text/html; charset=utf-8')
  t.equal(type({ accept: '*/*' }), 'text/html; charset=utf-8')
  t.equal(type({ accept: '*/*', 'user-agent': 'Wget/1.21' }), 'text/plain; charset=utf-8')
  t.equal(type({ accept: 'text/html', 'user-agent': 'curl/8' }), 'text/html; charset=utf-8')
  t.equal(type({ accept: 'application/problem+json' }), 'application/json')
})

test('a reply has a Proxy-Status field', async t => {
  const value = proxyStatus(rejected)
  t.match(
    value,
    /^portcullis; error=tls_certificate_error; details="PTC_VERIFY_REJECTED by=plugin plugin=async_verify x509=/,
  )
  t.match(value, /X509_V_ERR_CERT_REVOKED\/23 host=evil\.example/)
  const nasty = proxyStatus(new ProxyError('PTC_DNS_FAILED', 'a"b\\c\r\nSet-Cookie: x\u20ac'))
  t.match(nasty, /details="PTC_DNS_FAILED: a\\"b\\\\c\?\?Set-Cookie: x\?"$/, 'is one printable line')
})

test('the status of a reply follows from the error', async t => {
  t.equal(errorReply(new VerifyRejected(rejection('deadline', 'policy', 'a')), about).status, 504)
  t.equal(
    errorReply(new ProxyError('PTC_CLIENT_GONE', 'x'), about).status,
    500,
    'is never one that is not for sending',
  )
  const bytes = replyBytes(errorReply(new ProxyError('PTC_REQUEST_TIMEOUT', 'slow'), about)).toString()
  t.match(bytes, /^HTTP\/1\.1 408 Request Timeout\r\n.*\r\nConnection: close\r\n\r\n<!doctype html>/s)
})
