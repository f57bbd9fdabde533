import { X509Certificate } from 'node:crypto'
import { test } from 'tap'
import type { PeerEvidence } from '../../../core/api/certificate.js'
import { type ErrorCode, ProxyError } from '../../../core/base/errors.js'
import { layoutOf, readLogFormat } from '../../../core/config/log-format.js'
import type { ClientRequest } from '../../../core/http/listener/client-request.js'
import type { Summary } from '../../../core/http/transaction/summary.js'
import type { LogEntry } from '../../../core/log/log-fields.js'
import { logFormat } from '../../../core/log/log-formats.js'
import { rejection, VerifyRejected } from '../../../core/tls/judge/verdict.js'
import { makeAuthority } from '../../kit/pki.js'

const req = {
  method: 'GET',
  url: 'http://origin.example:81/a?b=c',
  httpVersion: '1.1',
  rawHeaders: ['Host', 'origin.example:81', 'User-Agent', 'x "y"\tz\xe9'],
  client: { remotePort: 40000 },
} as unknown as ClientRequest

const SUMMARY: Summary = {
  req,
  method: 'GET',
  url: req.url ?? '',
  clientAddress: '10.0.0.1',
  status: 200,
  bytesUp: 0,
  bytesDown: 5,
  milliseconds: 1499.6,
  isReused: false,
  error: undefined,
  channel: { link: { remoteAddress: '10.0.0.2:81' }, vconn: undefined } as unknown as Summary['channel'],
  sent: { method: 'GET', path: '/a?b=c', headers: ['Host', 'origin.example:81'], body: 'none' },
  response: {
    version: '1.1',
    status: 200,
    reason: 'OK',
    headers: ['Content-Type', 'text/html; charset=utf-8', 'Content-Length', '5'],
  },
}

function line(
  format: string,
  summary: Partial<Summary> = {},
  entry: Partial<LogEntry> = {},
  hasCertificate = false,
): string {
  const startedAt = Date.UTC(2026, 10, 22, 5, 37, 11, 42)
  return logFormat(layoutOf(readLogFormat(format), hasCertificate))({
    summary: { ...SUMMARY, ...summary },
    startedAt,
    user: undefined,
    groups: [],
    sent: 105,
    remedy: () => undefined,
    ...entry,
  })
}

test('groups of a login', async t => {
  const entry = { user: 'ann', groups: ['a b', 'c,d', 'e'] }
  t.equal(line('%<caun> %<caug>', {}, entry), 'ann a%20b,c%2Cd,e')
  t.equal(line('%<caun> %<caug>'), '- -')
  t.match(JSON.parse(line('json', {}, entry)), entry)
})

test('formats with a name', async t => {
  t.equal(
    line('squid'),
    '1795325831.042 1500 10.0.0.1 TCP_MISS/200 105 GET http://origin.example:81/a?b=c - DIRECT/origin.example text/html',
  )
  const when = /\[\d\d\/Nov\/2026:\d\d:\d\d:11 [+-]\d{4}\]/
  const common = line('common', {}, { user: 'ann' })
  t.match(common, when)
  t.equal(common.replace(when, '[]'), '10.0.0.1 - ann [] "GET http://origin.example:81/a?b=c HTTP/1.1" 200 5')
  t.equal(line('extended').replace(/^.*" /, ''), '200 5 200 5 0 0 94 100 48 78 1')
  t.match(line('extended2'), / DIRECT FIN FIN TCP_MISS$/)
})

test('a missing value is logged as a dash', async t => {
  const nothing = {
    req: undefined,
    method: '',
    url: '',
    channel: undefined,
    sent: undefined,
    response: undefined,
  }
  const error = new ProxyError('PTC_REQUEST_MALFORMED', 'x')
  t.equal(
    line('squid', { ...nothing, error, status: 400 }).replace(/^\S+ /, ''),
    '1500 10.0.0.1 ERR_INVALID_REQ/400 105 - - - NONE/- -',
  )
  t.match(line('extended', { ...nothing, error }), /"-" 200 5 - - 0 - - 100 - - 1$/)
  t.equal(
    line('%<pssc> %<crc>', { status: 0, error: new ProxyError('PTC_CLIENT_GONE', 'x') }),
    '000 ERR_CLIENT_ABORT',
  )
  t.equal(
    line('%<crc> %<shn>', { method: 'CONNECT', url: 'origin.example:443' }),
    'TCP_TUNNEL origin.example',
  )
})

test('no field can add a line to the log', async t => {
  const nasty = 'http://x/\r\n1795325831.042 "quoted" \\ \u2028\u0085é'
  for (const format of ['squid', 'common', 'extended', 'json', '%<{user-agent}cqh>|%<caun>']) {
    const text = line(format, { url: nasty }, { user: 'a b"c\n' })
    t.notMatch(text, /[\r\n\u2028\u0085]/, `${format} is one line`)
    if (format !== 'json') t.notMatch(text.replace(/"[^"]*"/g, ''), /"/, `${format} has no quote of theirs`)
  }
  t.equal(line('%<{User-Agent}cqh>'), 'x%20%22y%22%09z%E9')
  t.equal(line('%<cquc>', { url: nasty }).split(' ').length, 1, 'a field is one word')
  t.ok(line('%<cquc>', { url: `http://x/${'a'.repeat(100_000)}` }).length < 10_000, 'a field is bounded')
})

test('secrets are not logged', async t => {
  const url = 'http://ann:secret@x/a@b'
  t.equal(line('%<cquc>', { url }), 'http://x/a@b')
  for (const format of ['squid', 'common', 'json']) t.notMatch(line(format, { url }), /secret/, format)
  t.equal(line('%<cquc> %<shn>', { method: 'CONNECT', url: 'ann:secret@x:443' }), 'x:443 x')
})

test('a response that breaks off behind its head, and one that became a page', async t => {
  const error = new ProxyError('PTC_RESPONSE_MALFORMED', 'x')
  t.match(line('squid', { error }), / ERR_READ_ERROR\/200 /)
  t.match(line('extended2', { error }), / FIN INTR ERR_READ_ERROR/)
  t.match(line('squid', { error, status: 502, response: undefined }), / ERR_UNKNOWN\/502 /)
})

test('a client that is refused inside a CONNECT, which has been answered 200', async t => {
  const refused = (code: ErrorCode): Partial<Summary> => ({
    method: 'CONNECT',
    url: 'origin.example:443',
    channel: undefined,
    response: undefined,
    error: new ProxyError(code, 'x'),
  })
  const squid = (code: ErrorCode): string => line('squid', refused(code), {}, true)
  t.match(squid('PTC_CLIENT_REFUSED'), / ERR_PROXY_DENIED\/200 .* PTC_CLIENT_REFUSED$/)
  t.match(squid('PTC_CLIENT_HANDSHAKE'), / ERR_CLIENT_READ_ERROR\/200 .* PTC_CLIENT_HANDSHAKE$/)
  t.match(squid('PTC_TUNNEL_NOT_TLS'), / ERR_INVALID_REQ\/200 .* PTC_TUNNEL_NOT_TLS$/)
  for (const format of ['common', 'extended', 'extended2'])
    t.match(line(format, refused('PTC_CLIENT_REFUSED'), {}, true), /" 200 .* PTC_CLIENT_REFUSED$/, format)
})

test("the origin's certificate", async t => {
  const root = await makeAuthority({ name: 'Log Root' })
  const { cert, certPem } = await root.issue({ subject: 'CN=origin.example, O=A "B" Inc' })
  const leaf = {
    subject: '/O=A "B" Inc/CN=origin.example',
    issuer: '/O=Portcullis Test/CN=Log Root',
    sha256: new X509Certificate(certPem).fingerprint256.replaceAll(':', '').toLowerCase(),
  }
  const evidence = { chain: [leaf], protocol: 'TLSv1.3', cipher: 'X' } as unknown as PeerEvidence
  const peer = { evidence, decidedBy: 'plugins', tolerated: [] }
  const channel = { link: { remoteAddress: 'a:1' }, peer, parked: 3000.4 } as unknown as NonNullable<
    Summary['channel']
  >
  const behind = (summary: Partial<Summary>): string =>
    line('common', summary, {}, true).replace(/^.* 200 5 /, '')
  const who = `"/O=A %22B%22 Inc/CN=origin.example" "/O=Portcullis Test/CN=Log Root" ${leaf.sha256}`
  t.equal(behind({ channel }), `${who} accepted plugins 3000 -`)
  t.equal(
    behind({ channel, isReused: true }),
    `${who} accepted plugins 0 -`,
    'a connection that served before did not wait again',
  )
  const nobody = { ...channel, peer: { ...peer, decidedBy: 'nobody' } } as unknown as NonNullable<
    Summary['channel']
  >
  t.equal(behind({ channel: nobody }), `${who} unverified nobody 3000 -`)
  t.equal(behind({}), '"-" "-" - - - - -', 'plain HTTP has none')
  const error = new VerifyRejected(rejection('plugin', 'revoked', 'origin.example', 'x', 'pins'), evidence)
  error.parked = 12.6
  t.equal(behind({ channel: undefined, error }), `${who} rejected plugin:pins 13 PTC_VERIFY_REJECTED`)
  t.match(JSON.parse(line('json', { channel: undefined, error })), {
    time: '2026-11-22T05:37:11.042Z',
    error: { code: 'PTC_VERIFY_REJECTED', side: 'origin', remedy: null },
    certificate: {
      ...leaf,
      verdict: 'rejected',
      by: 'plugin:pins',
      x509: 'X509_V_ERR_CERT_REVOKED',
      parked_ms: 13,
    },
  })
  t.ok(cert)
})
