/**
 * Users and groups in ip_allow.yaml, plugins and the log, in every way that a client can come. Longer than 250 lines because
 * all of them judge the same users.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import * as bcrypt from '@node-rs/bcrypt'
import { test } from 'tap'
import { FLAG, FRAME } from '../../core/http2/frames.js'
import { type AccessStage, accessStage, WAYS } from '../kit/access-ways.js'
import { rawClient } from '../kit/client.js'
import { block, frame, HEAD_FIELDS, rawHttp2 } from '../kit/http2-frames.js'
import type { ProxyConf } from '../kit/proxy.js'
import { root } from '../kit/secure-proxy.js'

const HASH = bcrypt.hashSync('secret', 4)
const RULE = 'apply: in, ip_addrs: 127.0.0.1, action'
const ALLOW = `ip_allow:
- {${RULE}: deny, users: [eve]}
- {${RULE}: allow, groups: [staff, admins]}
- {${RULE}: allow, users: bob, methods: GET}
`
const conf = (more: ProxyConf = {}): ProxyConf => ({
  ...more,
  files: {
    users: ['ann', 'bob', 'cid', 'eve'].map(name => `${name}:${HASH}\n`).join(''),
    groups: 'staff: ann eve\nguests: cid ann\n',
    'ip_allow.yaml': ALLOW,
    ...more.files,
  },
  records: {
    'proxy.config.http.proxy_auth.htpasswd': 'users',
    'proxy.config.http.proxy_auth.groups': 'groups',
    ...more.records,
  },
})
const as = (name: string) => ({ basic: `${name}:secret` })

for (const way of WAYS)
  test(`ip_allow.yaml lets users and groups in: ${way}`, async t => {
    const at = await accessStage(t, conf())
    const refused = way === 'socks' ? 97 : 403
    t.equal(await at.status(way, as('ann')), 200, 'a member of a group')
    const isTunnel = way !== 'plain' && way !== 'http2'
    t.equal(await at.status(way, as('bob')), isTunnel ? refused : 200, 'a user, for some methods')
    t.equal(await at.status(way, as('cid')), refused, 'a user of other groups')
    t.equal(
      await at.status(way, as('eve')),
      refused,
      'a user that an earlier rule denies, in spite of its group',
    )
    t.equal(await at.status(way, {}), way === 'socks' ? 97 : 407, 'without a login')
    await at.proxy.server.stop(0)
    const lines = at.log()
    t.match(lines.filter(({ user }) => user === 'ann')[0], { groups: ['guests', 'staff'], status: 200 })
    t.match(lines.filter(({ user }) => user === 'cid')[0], {
      groups: ['guests'],
      error: {
        code: 'PTC_CLIENT_DENIED',
        message: /^cid at 127\.0\.0\.1 may not send .* \(no rule of ip_allow/,
      },
    })
    t.match(lines.filter(({ user }) => user === 'eve')[0], { error: { message: /\(ip_allow\.yaml:2\)$/ } })
  })

test('a client is asked for its login only where a login could be served', async t => {
  const at = await accessStage(
    t,
    conf({ files: { 'ip_allow.yaml': `ip_allow:\n- {${RULE}: allow, groups: staff, methods: GET}\n` } }),
  )
  t.equal(await at.status('plain', {}), 407)
  t.equal(await at.status('plain', {}, 'DELETE'), 403, 'no rule allows it to any login')
})

test('methods inside a bumped CONNECT are those of its user', async t => {
  const allow = `ip_allow:\n- {${RULE}: allow, groups: staff}\n- {${RULE}: allow, methods: [CONNECT, GET]}\n`
  const at = await accessStage(t, conf({ files: { 'ip_allow.yaml': allow } }))
  t.equal(await at.status('bump', as('ann'), 'DELETE'), 200)
  t.equal(await at.status('bump', as('bob')), 200)
  t.equal(await at.status('bump', as('bob'), 'DELETE'), 403)
})

test('rules about logins are mistakes where no client logs in', async t => {
  const at = await accessStage(t, conf())
  const reload = (more: ProxyConf) => {
    at.proxy.conf.write(at.confWith(more))
    return at.proxy.server.reload()
  }
  await t.rejects(reload(conf({ records: { 'proxy.config.http.proxy_auth.groups': null } })), {
    code: 'PTC_IP_ALLOW_INVALID',
    message: /ip_allow\.yaml:3: the rule is about groups, and no user has one/,
  })
  await t.rejects(reload({ files: { 'ip_allow.yaml': ALLOW } }), {
    code: 'PTC_IP_ALLOW_INVALID',
    message: /ip_allow\.yaml:2: the rule is about logins, and clients do not log in/,
  })
  await t.rejects(reload(conf({ files: { 'ip_allow.yaml': ALLOW.replace('users: bob', 'user: bob') } })), {
    code: 'PTC_IP_ALLOW_INVALID',
    message: /ip_allow\.yaml:4: unknown key "user" in ip_allow\[2\].*users/,
  })
})

/** A client whose requests go through one bumped tunnel. */
async function bumped(at: AccessStage, basic: string) {
  const client = await rawClient(at.ports[0])
  const target = `bump.test:${at.secure.port}`
  client.send(
    `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nProxy-Authorization: Basic ${btoa(basic)}\r\n\r\n`,
  )
  await client.response('CONNECT')
  const inside = await client.secure({ servername: 'bump.test', rejectUnauthorized: false })
  const ask = async (method = 'GET') => {
    inside.send(`${method} / HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    return inside.response(method)
  }
  return { client, inside, ask }
}

test('a reload takes logins and groups away from tunnels that are open', async t => {
  const at = await accessStage(t, conf())
  const ann = await bumped(at, 'ann:secret')
  t.teardown(ann.client.stop)
  t.equal((await ann.ask()).status, 200)
  const reload = (more: ProxyConf) => {
    at.proxy.conf.write(at.confWith(more))
    return at.proxy.server.reload()
  }
  await reload(conf())
  t.equal((await ann.ask()).status, 200, 'nothing has changed for it')
  await reload(conf({ files: { groups: 'guests: ann\nstaff: eve\n' } }))
  const denied = await ann.ask()
  t.equal(denied.status, 403, 'its group is gone')
  t.match(denied.body.toString(), /ann at 127\.0\.0\.1 may not send GET/)
  await reload(conf({ files: { groups: 'admins: ann\n' } }))
  t.equal((await ann.ask()).status, 200, 'another group counts at once')
  await reload(conf({ files: { users: `bob:${HASH}\n` } }))
  const ended = await ann.ask()
  t.equal(ended.status, 403)
  t.match(ended.body.toString(), /PTC_LOGIN_ENDED/, 'its name is gone')
  t.equal(ended.header('connection'), 'close', 'so that it connects, and logs in, again')
  await ann.inside.ended()
  t.equal(await at.status('bump', as('ann')), 407)

  await reload(conf())
  const changed = await bumped(at, 'ann:secret')
  t.teardown(changed.client.stop)
  t.equal((await changed.ask()).status, 200)
  await reload(conf({ files: { users: `ann:${bcrypt.hashSync('other', 4)}\n` } }))
  t.equal((await changed.ask()).status, 403, 'its password is another one')
})

test('a reload that asks for logins asks tunnels that are open, too', async t => {
  const rules = { 'ip_allow.yaml': `ip_allow:\n- {${RULE}: allow}\n` }
  const at = await accessStage(t, { files: rules })
  const open = await bumped(at, 'ann:secret')
  t.teardown(open.client.stop)
  t.equal((await open.ask()).status, 200, 'no login is wanted')
  at.proxy.conf.write(at.confWith(conf({ files: rules })))
  await at.proxy.server.reload()
  const ended = await open.ask()
  t.match([ended.status, ended.body.toString()], [403, /PTC_LOGIN_ENDED/])
  t.equal(await at.status('bump', as('ann')), 200)
})

test('a reload that ends logins ends those of tunnels that are open', async t => {
  const rules = { 'ip_allow.yaml': `ip_allow:\n- {${RULE}: allow}\n` }
  const at = await accessStage(t, conf({ files: rules }))
  const open = await bumped(at, 'ann:secret')
  t.teardown(open.client.stop)
  t.equal((await open.ask()).status, 200)
  at.proxy.conf.write(at.confWith({ files: rules }))
  await at.proxy.server.reload()
  t.equal((await open.ask()).status, 200)
  open.client.stop()
  await at.proxy.server.stop(0)
  const inside = at.log().filter(({ method }) => method === 'GET')
  t.match(inside, [
    { user: 'ann', groups: ['guests', 'staff'] },
    { user: null, groups: [] },
  ])
})

const REPORT = `export default ({ hookAdd, note }) => {
  hookAdd('TS_HTTP_READ_REQUEST_HDR_HOOK', event => {
    note('request ' + JSON.stringify([event.method, event.user ?? null, event.groups]))
    event.reenable()
  })
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => {
    const { user, groups } = event.client
    note('origin ' + JSON.stringify([user, groups]))
    event.reenable()
  })
  hookAdd('TS_HTTP_TXN_CLOSE_HOOK', ({ user, groups }) => note('over ' + JSON.stringify([user, groups])))
}
`

for (const isolate of ['', ' @isolate=worker'])
  test(`plugins are told users and groups${isolate}`, async t => {
    const at = await accessStage(
      t,
      conf({ plugins: [`report.mjs${isolate}`], modules: { 'report.mjs': REPORT } }),
    )
    for (const way of ['plain', 'probe', 'bump'] as const) t.equal(await at.status(way, as('ann')), 200)
    await at.proxy.until(
      /request \["GET","ann",\["guests","staff"\]\][\s\S]*request \["CONNECT","ann",\["guests","staff"\]\]/,
    )
    await at.proxy.until(/origin \["ann",\["guests","staff"\]\]/)
    await at.proxy.until(/over \["ann",\["guests","staff"\]\]/)
  })

test('the plugin access_rules judges users and groups', async t => {
  const rules = `lists:
  staff: { groups: staff }
  bob: { users: bob }
  get: { methods: [GET, CONNECT] }
rules:
- allow: [staff]
- allow: [bob, get]
`
  const at = await accessStage(t, {
    ...conf({ plugins: ['access_rules'] }),
    files: { ...conf().files, 'ip_allow.yaml': `ip_allow:\n- {${RULE}: allow}\n`, 'access.yaml': rules },
  })
  t.equal(await at.status('plain', as('ann'), 'DELETE'), 200)
  t.equal(await at.status('plain', as('bob')), 200)
  t.equal(await at.status('plain', as('bob'), 'DELETE'), 403)
  t.equal(await at.status('plain', as('cid')), 403)
  t.equal(await at.status('bump', as('bob'), 'DELETE'), 403, 'inside a tunnel')
  t.equal(await at.status('probe', as('cid')), 403)
})

test('an acceptance by policy for a group is of no use to another client', async t => {
  const policy = `rules:
- {name: staff, action: allow, group: "sta*"}
- {name: others, action: block, host: "*"}
`
  const at = await accessStage(t, {
    ...conf({ plugins: ['policy'] }),
    files: { ...conf().files, 'ip_allow.yaml': `ip_allow:\n- {${RULE}: allow}\n`, 'policy.yaml': policy },
  })
  for (const way of ['probe', 'bump'] as const)
    for (let round = 0; round < 2; round++) {
      t.equal(await at.status(way, as('ann')), 200, way)
      t.not(await at.status(way, as('cid')), 200, `${way}: behind one that was accepted`)
    }
})

test('several Proxy-Authorization fields in one request are refused', async t => {
  const at = await accessStage(t, conf())
  const good = `Basic ${btoa('ann:secret')}`
  for (const fields of [
    [good, good],
    [good, `Basic ${btoa('ann:wrong')}`],
  ])
    t.equal(await at.status('plain', { fields }), 407)
  const raw = await rawHttp2(at.ports[1], root.certPem, 'proxy.example')
  t.teardown(raw.stop)
  const head = block({ ...HEAD_FIELDS, ':method': 'GET', ':authority': `plain.test:${at.origin.port}` })
  const field = block({ 'proxy-authorization': good })
  const whole = FLAG.endHeaders | FLAG.endStream
  const lines = () => at.log().filter(({ version }) => version === '2')
  const logged = async (count: number): Promise<void> => {
    for (let i = 0; i < 500 && lines().length < count; i++) await sleep(20)
  }
  raw.send(frame(FRAME.headers, whole, 1, Buffer.concat([head, field])))
  await logged(1)
  raw.send(frame(FRAME.headers, whole, 3, Buffer.concat([head, field, field])))
  await logged(2)
  t.match(
    lines(),
    [{ status: 200 }, { status: 407, error: { code: 'PTC_PROXY_AUTH_REQUIRED' } }],
    'in HTTP/2, too',
  )
})
