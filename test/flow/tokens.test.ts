/** Bearer tokens of clients, in every way that a client can come. */
import { test } from 'tap'
import { accessStage, WAYS } from '../kit/access-ways.js'
import { rawClient } from '../kit/client.js'
import type { ProxyConf } from '../kit/proxy.js'
import { type Claims, forged, hmacToken, jwks, makeIssuer, now } from '../kit/tokens.js'
import { moveDate } from '../kit/wall-clock.js'

const issuer = makeIssuer('ES256', 'one')
const next = makeIssuer('ES256', 'two')
const conf = (more: ProxyConf = {}): ProxyConf => ({
  ...more,
  files: { 'keys.json': jwks(issuer.jwk), ...more.files },
  records: {
    'proxy.config.http.proxy_auth.jwt.keys': 'keys.json',
    'proxy.config.http.proxy_auth.jwt.audience': 'proxy.test',
    'proxy.config.http.proxy_auth.jwt.issuer': 'https://id.test',
    'proxy.config.http.proxy_auth.jwt.clock_skew': 0,
    ...more.records,
  },
})
const bearer = async (claims: Claims = {}) => ({ fields: [`Bearer ${await issuer.sign(claims)}`] })
const ALLOW = 'ip_allow:\n- {apply: in, ip_addrs: 127.0.0.1, action'

for (const way of WAYS)
  test(`a bearer token lets its user and groups in: ${way}`, async t => {
    const at = await accessStage(t, conf({ files: { 'ip_allow.yaml': `${ALLOW}: allow, groups: staff}\n` } }))
    if (way === 'socks') {
      t.equal(await at.status(way, { basic: `ann:${await issuer.sign()}` }), 97, 'which SOCKS has not')
      t.equal(await at.status(way, {}), 97)
      return
    }
    const token = await issuer.sign({ groups: ['staff'] })
    t.equal(await at.status(way, { fields: [`Bearer ${token}`] }), 200)
    t.equal(await at.status(way, { fields: [`bEARER  ${token}`] }), 200)
    t.equal(await at.status(way, await bearer({ groups: ['guests'] })), 403)
    t.equal(await at.status(way, {}), 407)
    t.equal(await at.status(way, await bearer({ exp: now() - 1, groups: ['staff'] })), 407)
    t.equal(await at.status(way, { fields: [`Bearer ${forged({ alg: 'none' })}`] }), 407)
    t.equal(await at.status(way, { fields: [`Bearer ${hmacToken(issuer.publicPem)}`] }), 407)
    t.equal(await at.status(way, { basic: 'ann:secret' }), 407, 'Basic is no way to log in here')
    await at.proxy.server.stop(0)
    t.match(at.log()[0], { user: 'ann', groups: ['staff'], status: 200 })
    const [, , signature = ''] = token.split('.')
    const seen = JSON.stringify([at.log(), at.origin.requests, at.secure.requests, at.proxy.output()])
    t.notMatch(seen, signature, 'no origin and no log has it')
    t.notMatch(seen, /authorization/i)
  })

test('the 407 names every way to log in, and says which of them was refused', async t => {
  const hash = '$2b$04$jp3Cqp4KqDbLp4kG6hP7v.4tQF1oRUGqEsVuZy9J0nWv1ZVQxqG3e'
  const at = await accessStage(
    t,
    conf({
      files: { users: `ann:${hash}\n` },
      records: { 'proxy.config.http.proxy_auth.htpasswd': 'users' },
    }),
  )
  const challenges = async (...fields: string[]): Promise<string[]> => {
    const client = await rawClient(at.ports[0])
    t.teardown(client.stop)
    const lines = fields.map(field => `Proxy-Authorization: ${field}\r\n`).join('')
    client.send(`GET http://plain.test:${at.origin.port}/ HTTP/1.1\r\nHost: x\r\n${lines}\r\n`)
    const answer = await client.response()
    t.equal(answer.status, 407)
    return [...client.text().matchAll(/^proxy-authenticate: (.*?)\r$/gim)].map(([, value = '']) => value)
  }
  const basic = 'Basic realm="portcullis", charset="UTF-8"'
  const plain = 'Bearer realm="portcullis"'
  t.strictSame(await challenges(), [basic, plain])
  t.strictSame(await challenges('Bearer a.b.c'), [basic, `${plain}, error="invalid_token"`])
  t.strictSame(await challenges(`Basic ${btoa('ann:wrong')}`), [basic, plain])
  t.strictSame(await challenges('Negotiate abc'), [basic, plain], 'a scheme that is not taken')
  const good = `Bearer ${await issuer.sign()}`
  t.strictSame(await challenges(good, good), [basic, plain], 'two fields, though both are good')
  t.strictSame(await challenges(`Basic ${btoa('ann:wrong')}`, good), [basic, plain])
  t.strictSame(await challenges(`${good}, Basic abc`), [basic, plain], 'two in one field')
  t.equal(at.origin.requests.length, 0)
})

test('a token that expires, or whose key is gone, ends its bumped tunnel', async t => {
  const at = await accessStage(t, conf())
  const target = `bump.test:${at.secure.port}`
  const tunnel = async (token: string) => {
    const client = await rawClient(at.ports[0])
    t.teardown(client.stop)
    client.send(
      `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nProxy-Authorization: Bearer ${token}\r\n\r\n`,
    )
    t.equal((await client.response('CONNECT')).status, 200)
    const inside = await client.secure({ servername: 'bump.test', rejectUnauthorized: false })
    return async () => {
      inside.send(`GET / HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
      return inside.response()
    }
  }
  const short = await tunnel(await issuer.sign({ exp: now() + 60 }))
  const long = await tunnel(await issuer.sign({ exp: now() + 600 }))
  t.equal((await short()).status, 200)
  t.equal((await long()).status, 200)
  moveDate(t, 61_000)
  const expired = await short()
  t.equal(expired.status, 403)
  t.match(expired.body.toString(), /the token has expired/)
  t.equal(expired.header('connection'), 'close')
  t.equal((await long()).status, 200)
  const reload = (...keys: readonly object[]) => {
    at.proxy.conf.write(at.confWith(conf({ files: { 'keys.json': jwks(...keys) } })))
    return at.proxy.server.reload()
  }
  await reload(issuer.jwk, next.jwk)
  t.equal((await long()).status, 200, 'a key that is added takes nothing away')
  await reload(next.jwk)
  const gone = await long()
  t.match([gone.status, gone.body.toString()], [403, /PTC_LOGIN_ENDED/], 'the key of its token is gone')
  t.equal(await at.status('plain', await bearer()), 407)
})

test('plugins are not shown the credentials by which the proxy has let a client in', async t => {
  const plugin = `export default ({ hookAdd, note }) => {
    for (const id of ['TS_HTTP_READ_REQUEST_HDR_HOOK', 'TS_HTTP_SEND_REQUEST_HDR_HOOK'])
      hookAdd(id, event => {
        note(event.method + ' ' + event.user + ' ' + JSON.stringify(event.headers.get('proxy-authorization') ?? null))
        event.reenable()
      })
  }
  `
  const at = await accessStage(t, conf({ plugins: ['see.mjs'], modules: { 'see.mjs': plugin } }))
  for (const way of ['plain', 'bump', 'probe', 'http2'] as const)
    t.equal(await at.status(way, await bearer()), 200)
  await at.proxy.until(/GET ann null[\s\S]*CONNECT ann null/)
  t.notMatch(at.proxy.output(), /Bearer/)
})

test('the same user with other groups shares no accepted connection', async t => {
  const policy = `rules:
- {name: staff, action: allow, group: staff}
- {name: others, action: block, host: "*"}
`
  const at = await accessStage(t, conf({ plugins: ['policy'], files: { 'policy.yaml': policy } }))
  const [staff, guest] = [await bearer({ groups: ['staff'] }), await bearer({ groups: ['guests'] })]
  for (const way of ['probe', 'bump'] as const) {
    t.equal(await at.status(way, staff), 200)
    t.not(await at.status(way, guest), 200, way)
  }
  // Both on one connection: requests for an https origin, which the proxy has to verify.
  const client = await rawClient(at.ports[0])
  t.teardown(client.stop)
  const ask = async (field: string) => {
    const url = `https://probe.test:${at.secure.port}/`
    client.send(`GET ${url} HTTP/1.1\r\nHost: x\r\nProxy-Authorization: ${field}\r\n\r\n`)
    return (await client.response()).status
  }
  const before = at.secure.connections
  t.equal(await ask(`${staff.fields[0]}`), 200)
  t.equal(await ask(`${staff.fields[0]}`), 200)
  t.equal(at.secure.connections, before + 1, 'one connection for the same groups')
  t.equal(
    await ask(`${guest.fields[0]}`),
    502,
    'the connection that was accepted for staff is not for guests',
  )
  t.equal(await ask(`${staff.fields[0]}`), 200)
})
