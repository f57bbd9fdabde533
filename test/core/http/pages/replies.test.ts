import { test } from 'tap'
import { postpone } from '../../../../core/api/verdict.js'
import { ERRORS, isAnswered } from '../../../../core/base/error-table.js'
import { type ErrorCode, ProxyError } from '../../../../core/base/errors.js'
import { errorReply, replyBytes } from '../../../../core/http/pages/replies.js'
import {
  builtInPages,
  compilePages,
  PAGE_FIELDS,
  TEMPLATE_NAMES,
} from '../../../../core/http/pages/templates.js'
import type { ErrorDetails } from '../../../../core/http/pages/told.js'
import { rejectedBy, rejection, VerifyRejected } from '../../../../core/tls/judge/verdict.js'
import { refused } from '../../../../core/wait/refusal.js'

const JSON_ONLY = { accept: 'application/json' }
const CODES = (Object.keys(ERRORS) as ErrorCode[]).filter(isAnswered)

const rejected = new VerifyRejected(
  rejection('plugin', 'revoked', 'evil.example', 'seen <b>"there"</b>', 'async_verify'),
)
const about = { host: 'evil.example' }
const text = (error: ProxyError, headers: Record<string, string>): string =>
  errorReply(error, about, headers, undefined).body.toString()

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
  const { status, headers, body } = errorReply(error, about, { accept: 'application/json' }, undefined)
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
  t.match(errorReply(error, about, { 'user-agent': 'curl/8' }, undefined).body.toString(), /Hold: q1f/)
})

test('the format follows from what the client asks for', async t => {
  const type = (headers: Record<string, string>): unknown =>
    errorReply(rejected, about, headers, undefined).headers[1]
  t.equal(type({}), 'text/html; charset=utf-8')
  t.equal(type({ accept: '*/*' }), 'text/html; charset=utf-8')
  t.equal(type({ accept: '*/*', 'user-agent': 'Wget/1.21' }), 'text/plain; charset=utf-8')
  t.equal(type({ accept: 'text/html', 'user-agent': 'curl/8' }), 'text/html; charset=utf-8')
  t.equal(type({ accept: 'application/problem+json' }), 'application/problem+json')
  t.equal(type({ accept: 'application/vnd.api+json, text/html' }), 'application/json')
  t.equal(type({ accept: 'application/json, application/problem+json' }), 'application/json', 'the first')
  t.equal(
    type({ accept: 'application/json;q=0.5, text/html;q=0.4, Application/Problem+JSON; Q=0.9' }),
    'application/problem+json',
    'of unequal weights the highest',
  )
  t.equal(type({ accept: 'application/problem+json;q=0, text/html;q=0.1' }), 'text/html; charset=utf-8')
})

const statusOf = (error: ProxyError, details?: ErrorDetails): string => {
  const pages = details === undefined ? undefined : builtInPages(details)
  const { headers } = errorReply(error, about, {}, pages)
  return headers[headers.indexOf('Proxy-Status') + 1] ?? ''
}

test('a reply has a Proxy-Status field', async t => {
  const value = statusOf(rejected)
  t.match(
    value,
    /^portcullis; error=tls_certificate_error; details="PTC_VERIFY_REJECTED by=plugin plugin=async_verify x509=/,
  )
  t.match(value, /X509_V_ERR_CERT_REVOKED\/23 host=evil\.example/)
  const nasty = statusOf(new ProxyError('PTC_DNS_FAILED', 'a"b\\c\r\nSet-Cookie: x\u20ac'))
  t.match(nasty, /details="PTC_DNS_FAILED: a\\"b\\\\c\?\?Set-Cookie: x\?"$/, 'is one printable line')
})

test('the status of a reply follows from the error', async t => {
  t.equal(
    errorReply(new VerifyRejected(rejection('deadline', 'policy', 'a')), about, {}, undefined).status,
    504,
  )
  t.equal(
    errorReply(new ProxyError('PTC_CLIENT_GONE', 'x'), about, {}, undefined).status,
    500,
    'is never one that is not for sending',
  )
  const bytes = replyBytes(
    errorReply(new ProxyError('PTC_REQUEST_TIMEOUT', 'slow'), about, {}, undefined),
  ).toString()
  t.match(bytes, /^HTTP\/1\.1 408 Request Timeout\r\n.*\r\nConnection: close\r\n\r\n<!doctype html>/s)
})

const PROBLEM = { accept: 'application/problem+json' }
const bodyOf = (error: ProxyError, headers: Record<string, string>, details: ErrorDetails): string =>
  errorReply(error, about, headers, builtInPages(details)).body.toString()

test('problem details have a type and a title for each code', async t => {
  const problem = JSON.parse(bodyOf(rejected, PROBLEM, 'full'))
  t.match(problem, {
    type: 'urn:portcullis:error:PTC_VERIFY_REJECTED',
    title: 'Verify rejected',
    status: 502,
    detail: /^certificate of evil\.example rejected by plugin async_verify/,
    code: 'PTC_VERIFY_REJECTED',
    side: 'origin',
    host: 'evil.example',
    rejection: { plugin: 'async_verify' },
  })
  const other = JSON.parse(bodyOf(new ProxyError('PTC_DNS_FAILED', 'x'), PROBLEM, 'full'))
  t.match(other, { title: 'DNS failed', detail: 'x', hold: undefined })
  t.strictSame(
    JSON.parse(bodyOf(rejected, PROBLEM, 'none')),
    {
      type: 'about:blank',
      title: 'Bad Gateway',
      status: 502,
      detail: 'the proxy has not served the request',
      host: 'evil.example',
      advice: { client: 'Ask the operator of this proxy.' },
    },
    'without details only the status says what it is',
  )
})

/** Errors with everything that a client could be told. */
const SECRETS = /secret|X509_|remedy|proxy\.config|operator"|async_verify|built-in|records|sni\.yaml/
const SECRET_ERRORS: readonly ProxyError[] = [
  new VerifyRejected(rejection('plugin', 'revoked', 'secret.example', 'secret', 'secret')),
  new VerifyRejected(rejection('built-in', 'X509_V_ERR_CERT_HAS_EXPIRED', 'secret.example')),
  new VerifyRejected(
    rejectedBy('secret', 'new.example', postpone({ id: 'q1f', retryAfter: 20 }, 'secret reason')),
  ),
  refused('PTC_PLUGIN_REFUSED_REQUEST', 'the request', {
    plugin: 'secret',
    by: 'plugin',
    reason: 'policy',
    detail: 'secret',
  }),
  refused('PTC_PLUGIN_REFUSED_REQUEST', 'x', {
    plugin: 'secret',
    by: 'deadline',
    limit: 'proxy.config.secret',
  }),
  ...CODES.map(code => new ProxyError(code, 'secret')),
]

test('without details no form of a reply names a plugin, a reason, or a code', async t => {
  const fields = Object.keys(PAGE_FIELDS).filter(name => !['remedy', 'time'].includes(name))
  const templates = TEMPLATE_NAMES.map(name => ({
    name,
    file: name,
    text: name === 'default' ? fields.map(field => `%<${field}>`).join('|') : `secret %<details>`,
  }))
  for (const details of ['none', 'code'] as const) {
    for (const error of SECRET_ERRORS) {
      for (const headers of [{ accept: 'text/html' }, { accept: 'text/plain' }, JSON_ONLY, PROBLEM]) {
        const reply = errorReply(error, about, headers, builtInPages(details))
        const all = `${reply.headers.join('\n')}\n${reply.body}`
        t.notMatch(all, SECRETS, `${error.code} ${details} ${headers.accept}`)
        t.equal(all.includes(error.code), details === 'code', `${error.code} is in ${details} alone`)
        t.equal(reply.status, errorReply(error, about, headers, undefined).status, 'the status stays')
      }
      if (details === 'code') continue
      const own = errorReply(error, about, { accept: 'text/html' }, compilePages(templates, details))
      t.notMatch(own.body.toString(), SECRETS, `${error.code} in an operator's page`)
      t.notMatch(own.body.toString(), /PTC_/)
    }
  }
})

test('a hold is told whatever the details are', async t => {
  const [, , held = rejected] = SECRET_ERRORS
  for (const details of ['none', 'code', 'full'] as const) {
    t.match(statusOf(held, details), /^portcullis; error=destination_unavailable; hold=q1f(?:;|$)/)
    t.match(JSON.parse(bodyOf(held, PROBLEM, details)), { hold: 'q1f', status: 503 })
    t.match(JSON.parse(bodyOf(held, JSON_ONLY, details)), { hold: 'q1f', error: { hold: 'q1f' } })
    t.match(bodyOf(held, { accept: 'text/html' }, details), /<th>Hold<td>q1f/)
  }
})
