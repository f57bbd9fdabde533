/** How much clients are told of a login that is wanted, and of one that is refused: for people and for machines. */
import * as bcrypt from '@node-rs/bcrypt'
import { type Test, test } from 'tap'
import type { ErrorDetails } from '../../core/http/pages/told.js'
import { type AccessStage, accessStage } from '../kit/access-ways.js'
import { rawClient } from '../kit/client.js'
import { answerOn, Http2Client, tlsSocket } from '../kit/http2-client.js'
import type { ProxyConf } from '../kit/proxy.js'
import { root } from '../kit/secure-proxy.js'
import { makeIssuer } from '../kit/tokens.js'

const issuer = makeIssuer('ES256')
const HASH = bcrypt.hashSync('secret', 4)
const PROBLEM = 'application/problem+json'
const conf = (details: ErrorDetails, more: ProxyConf = {}): ProxyConf => ({
  ...more,
  files: {
    users: `ann:${HASH}\ncid:${HASH}\n`,
    groups: 'staff: ann\nguests: cid\n',
    'keys.pem': issuer.publicPem,
    'ip_allow.yaml': 'ip_allow:\n- {apply: in, ip_addrs: 127.0.0.1, action: allow, groups: staff}\n',
    ...more.files,
  },
  records: {
    'proxy.config.http.errors.details': details,
    'proxy.config.http.proxy_auth.htpasswd': 'users',
    'proxy.config.http.proxy_auth.groups': 'groups',
    'proxy.config.http.proxy_auth.jwt.keys': 'keys.pem',
    ...more.records,
  },
})

/** A reply, whatever the version of HTTP: fields with names in lower case. */
interface Answer {
  readonly status: number
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** Every place in which a request is answered before any origin is asked. */
const PLACES: Readonly<Record<string, (t: Test, at: AccessStage, login?: string) => Promise<Answer>>> = {
  'a request': (t, at, login) => ask(t, at, `GET http://plain.test:${at.origin.port}/`, login),
  'a CONNECT': (t, at, login) => ask(t, at, `CONNECT probe.test:${at.secure.port}`, login),
  'a request of HTTP/2': (t, at, login) =>
    ask2(t, at, { ':scheme': 'http', ':authority': `plain.test:${at.origin.port}`, ':path': '/' }, login),
  'a CONNECT of HTTP/2': (t, at, login) =>
    ask2(t, at, { ':method': 'CONNECT', ':authority': `probe.test:${at.secure.port}` }, login),
}

async function ask(t: Test, at: AccessStage, line: string, login?: string): Promise<Answer> {
  const client = await rawClient(at.ports[0])
  t.teardown(client.stop)
  const field = login === undefined ? '' : `Proxy-Authorization: ${login}\r\n`
  client.send(`${line} HTTP/1.1\r\nHost: x\r\nAccept: ${PROBLEM}\r\n${field}\r\n`)
  const { status, rawHeaders, body } = await client.response('GET')
  const fields = rawHeaders.map(([name, value]) => [name.toLowerCase(), value] as const)
  return { status, fields, body: body.toString() }
}

async function ask2(t: Test, at: AccessStage, head: Record<string, string>, login?: string): Promise<Answer> {
  const socket = await tlsSocket(at.ports[1], { ca: root.certPem, servername: 'proxy.example', alpn: ['h2'] })
  const client = new Http2Client(socket)
  t.teardown(client.stop)
  const all = { ...head, accept: PROBLEM, ...(login !== undefined && { 'proxy-authorization': login }) }
  const { status, headers, body } = await answerOn(client.session.request(all))
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map(one => [name, String(one)] as const),
  )
  return { status, fields, body: body.toString() }
}

/** The values of a field: node:http2 joins those of several fields. */
const valuesOf = ({ fields }: Answer, name: string): string =>
  fields.flatMap(([key, value]) => (key === name ? [value] : [])).join(', ')

interface Told {
  readonly code: string
  readonly title: string
  /** What `full` says, and the others do not. */
  readonly why: RegExp
}

function isTold(t: Test, answer: Answer, details: ErrorDetails, { code, title, why }: Told): void {
  const { status, body } = answer
  t.equal(valuesOf(answer, 'content-type'), PROBLEM)
  const problem = JSON.parse(body)
  const proxyStatus = valuesOf(answer, 'proxy-status')
  t.equal(problem.status, status)
  const all = JSON.stringify([answer.fields, problem])
  if (details === 'none') {
    t.equal(proxyStatus, 'portcullis; error=http_request_denied')
    t.match(problem, { type: 'about:blank', code: undefined })
    t.notMatch(all, /PTC_/)
  } else {
    t.match(problem, { type: `urn:portcullis:error:${code}`, title, code, side: 'client' })
    if (details === 'code') t.equal(proxyStatus, `portcullis; error=http_request_denied; details="${code}"`)
    else t.match(proxyStatus, `portcullis; error=http_request_denied; details="${code}: `)
  }
  if (details === 'full') t.match(problem.detail, why)
  else t.notMatch(all, /cid|staff|guests|ip_allow|proxy\.config|htpasswd|token has|127\.0\.0\.1/)
}

for (const details of ['full', 'code', 'none'] as const)
  for (const [place, asked] of Object.entries(PLACES))
    test(`${place} with details ${details}`, async t => {
      const at = await accessStage(t, conf(details))
      const wanted = { code: 'PTC_PROXY_AUTH_REQUIRED', title: 'Proxy auth required' }
      const bare = await asked(t, at)
      t.equal(bare.status, 407)
      isTold(t, bare, details, { ...wanted, why: /wants a name and a password, or a bearer token/ })
      const basic = 'Basic realm="portcullis", charset="UTF-8"'
      t.equal(valuesOf(bare, 'proxy-authenticate'), `${basic}, Bearer realm="portcullis"`)
      const expired = await asked(t, at, `Bearer ${await issuer.sign({ exp: 1, aud: undefined })}`)
      t.equal(expired.status, 407)
      isTold(t, expired, details, { ...wanted, why: /^the token has expired$/ })
      t.match(valuesOf(expired, 'proxy-authenticate'), /Bearer realm="portcullis", error="invalid_token"$/)
      const denied = await asked(t, at, `Basic ${btoa('cid:secret')}`)
      t.equal(denied.status, 403)
      t.equal(
        valuesOf(denied, 'proxy-authenticate'),
        '',
        'another login would be needed, and is not asked for',
      )
      isTold(t, denied, details, {
        ...{ code: 'PTC_CLIENT_DENIED', title: 'Client denied' },
        why: /^cid at 127\.0\.0\.1 may not send (?:GET|CONNECT) to this proxy \(no rule of ip_allow\.yaml/,
      })
      t.equal(at.origin.requests.length + at.secure.requests.length, 0)
    })

for (const details of ['full', 'code', 'none'] as const)
  test(`a login that has ended inside a tunnel, with details ${details}`, async t => {
    const at = await accessStage(t, conf(details))
    const client = await rawClient(at.ports[0])
    t.teardown(client.stop)
    const target = `bump.test:${at.secure.port}`
    const login = `Proxy-Authorization: Basic ${btoa('ann:secret')}`
    client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${login}\r\n\r\n`)
    t.equal((await client.response('CONNECT')).status, 200)
    const inside = await client.secure({ servername: 'bump.test', rejectUnauthorized: false })
    at.proxy.conf.write(at.confWith(conf(details, { files: { users: `bob:${HASH}\n` } })))
    await at.proxy.server.reload()
    inside.send(`GET / HTTP/1.1\r\nHost: ${target}\r\nAccept: ${PROBLEM}\r\n\r\n`)
    const { status, rawHeaders, body } = await inside.response()
    const fields = rawHeaders.map(([name, value]) => [name.toLowerCase(), value] as const)
    t.equal(status, 403)
    isTold(t, { status, fields, body: body.toString() }, details, {
      ...{ code: 'PTC_LOGIN_ENDED', title: 'Login ended' },
      why: /^its CONNECT has no login that holds now$/,
    })
  })
