/** The management API on a TCP port: the login, and the answers. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { JSON_TYPE, logIn, portOf, send, tokenOf } from '../kit/admin-client.js'
import { approving } from '../kit/approving.js'
import { get } from '../kit/client.js'
import { commandHere } from '../kit/command-here.js'
import { managedHere } from '../kit/managed.js'
import { makeConfDir } from '../kit/proxy.js'

const LISTEN = { 'proxy.config.admin.listen': '127.0.0.1:0' }

test('programs need the token', async t => {
  const { proxy, ctl } = await approving(t, 'approval.js', LISTEN)
  const port = portOf((await ctl('dashboard')).out.trim())
  const file = join(proxy.conf.path, 'admin.token')
  t.equal(statSync(file).mode & 0o777, 0o600, 'the token is for its owner alone')
  const bearer = tokenOf(proxy.conf.path)

  t.match(await send(port, '/v1/status', { headers: bearer }), { status: 200, text: /"counters"/ })
  t.match(await send(port, '/v1/approvals', { headers: bearer }), {
    status: 200,
    text: '{"approvals":[],"next":null}',
  })
  const metrics = await send(port, '/metrics', { headers: bearer })
  t.match(metrics, { status: 200, headers: { 'content-type': /^text\/plain; version=0\.0\.4/ } })
  t.match(metrics.text, /^portcullis_parked 0$/m)

  t.match(await send(port, '/v1/status'), { status: 401, text: /PTC_ADMIN_DENIED.*ctl dashboard/ })
  t.match(await send(port, '/metrics'), { status: 401 })
  for (const path of ['/', '//', '/%', '*']) t.match(await send(port, path), { status: 401 }, path)
  t.match(await send(port, '//', { headers: bearer }), { status: 404 })
  for (const host of ['evil.test', `evil.test:${port}`])
    t.match(
      await send(port, '/v1/status', { headers: { ...bearer, host } }),
      { status: 421 },
      `Host: ${host}`,
    )
  const origin = 'http://evil.test'
  t.match(await send(port, '/v1/status', { headers: { ...bearer, origin } }), { status: 403 })
  for (const name of ['127.0.0.1', '0.0.0.0', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', 'localhost'])
    for (const scheme of ['http', 'https']) {
      const url = `${scheme}://${name}:${port}/metrics`
      t.match(await get(proxy.port, url), { status: 508 }, `${url} through the proxy`)
    }
})

test('wrong tokens are counted', async t => {
  const { proxy, ctl } = await approving(t, 'approval.js', LISTEN)
  const port = portOf((await ctl('dashboard')).out.trim())
  const statuses = new Map<number, number>()
  for (let i = 0; i < 30; i++) {
    const { status } = await send(port, '/v1/status', { headers: { authorization: `Bearer wrong${i}` } })
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  t.strictSame(Object.fromEntries(statuses), { 401: 10, 429: 20 })
  const right = await send(port, '/v1/status', { headers: tokenOf(proxy.conf.path) })
  t.match(
    right,
    { status: 429, headers: { 'retry-after': '60' } },
    'the right one would tell that it is right',
  )
})

test('a person with a link that works once', async t => {
  const { proxy, ctl, ask, waiting } = await approving(t, 'approval.js', LISTEN)
  const { port, link, cookie, key } = await logIn((await ctl('dashboard')).out.trim())
  t.match(cookie, /^portcullis=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/)
  t.match(await send(port, link), { status: 401, text: /was used/ })
  const headers = { cookie: cookie.split(';')[0] ?? '' }

  const page = await send(port, '/', { headers })
  t.match(page, {
    status: 200,
    headers: { 'content-security-policy': /default-src 'none'/ },
    text: /<title>Portcullis/,
  })
  for (const path of ['/page.js', '/page.css'])
    t.match(await send(port, path, { headers }), { status: 200 }, path)
  const whole = { ...headers, 'x-portcullis-key': key }
  const { who } = JSON.parse((await send(port, '/session', { headers: whole })).text)

  const held = ask()
  const { id } = await waiting()
  const path = `/v1/approvals/${id}/accept`
  const body = JSON.stringify({ scope: 'leaf', who: 'somebody else', duration: 60_000 })
  const bare = { method: 'POST', headers: { ...headers, ...JSON_TYPE }, body }
  t.match(await send(port, path, bare), { status: 403, text: /x-portcullis-key/ })
  const answer = { ...bare, headers: { ...whole, ...JSON_TYPE } }
  t.match(await send(port, path, { ...answer, headers: { ...answer.headers, origin: 'http://evil.test' } }), {
    status: 403,
  })
  t.match(await send(port, path, answer), { status: 200, text: new RegExp(id) })
  t.match((await held).stdout, /^HTTP\/1\.1 200 /)
  const journal = readFileSync(join(proxy.conf.path, 'approvals.jsonl'), 'utf8')
  t.ok(journal.includes(`"who":"${who}"`), 'the answer is written down as that of the session')
  t.notOk(journal.includes('somebody else'))
})

test('a cookie without the key of its session reads and changes nothing', async t => {
  // Browsers send cookies to every port of a host: a service of another user on this machine may learn them.
  const { ctl } = await approving(t, 'approval.js', LISTEN)
  const { port, cookie, key } = await logIn((await ctl('dashboard')).out.trim())
  const headers = { cookie: cookie.split(';')[0] ?? '' }
  const paths = ['/session', '/v1/status', '/v1/approvals', '/v1/parked', '/metrics', '/v1/%73tatus']
  for (const path of paths) {
    for (const method of ['GET', 'HEAD'])
      t.equal((await send(port, path, { method, headers })).status, 403, `${method} ${path}`)
    const wrong = { ...headers, 'x-portcullis-key': `${key}x` }
    t.notMatch(await send(port, path, { headers: wrong }), key)
  }
  t.equal((await send(port, '/v1/status', { headers: { 'x-portcullis-key': key } })).status, 401)
  t.equal((await send(port, '/v1/status', { headers: { ...headers, 'x-portcullis-key': key } })).status, 200)
})

test('a login ends when the person says so', async t => {
  const { ctl } = await approving(t, 'approval.js', LISTEN)
  const [one, other] = [await ctl('dashboard'), await ctl('dashboard')].map(({ out }) => logIn(out.trim()))
  const headersOf = ({ cookie, key }: Awaited<NonNullable<typeof one>>) => ({
    cookie: cookie.split(';')[0] ?? '',
    'x-portcullis-key': key,
  })
  if (one === undefined || other === undefined) throw new Error('no login')
  const { port } = await one
  const headers = headersOf(await one)
  const end = { method: 'DELETE', headers: { cookie: headers.cookie } }
  t.equal((await send(port, '/session', end)).status, 403, 'the key is needed, as for anything')
  t.equal((await send(port, '/v1/status', { headers })).status, 200)
  const streams = await Promise.all(
    [headers, headersOf(await other)].map(by => fetch(`http://127.0.0.1:${port}/v1/events`, { headers: by })),
  )
  const [its, others] = streams.map(({ body }) => body?.getReader())
  for (const reader of [its, others]) t.equal((await reader?.read())?.done, false)
  const ended = await send(port, '/session', { method: 'DELETE', headers })
  t.match(ended, { status: 200, headers: { 'set-cookie': [/^portcullis=; .*Max-Age=0$/] } })
  for (const path of ['/', '/session', '/v1/status'])
    t.equal((await send(port, path, { headers })).status, 401, path)
  const drained = async (): Promise<unknown> => {
    for (;;) if ((await its?.read())?.done !== false) return 'its end'
  }
  t.match(await drained().catch((cause: Error) => cause), /its end|terminated/, 'and its events')
  t.equal((await Promise.race([others?.read(), sleep(300, { done: false })]))?.done, false)
  await others?.cancel()
  t.equal((await send(port, '/session', { headers: headersOf(await other) })).status, 200, 'others stay')
})

test('a person acts under the name of the session alone', async t => {
  const { proxy, ctl } = await approving(t, 'approval.js', LISTEN)
  const { port, cookie, key } = await logIn((await ctl('dashboard')).out.trim())
  const headers = { ...JSON_TYPE, cookie: cookie.split(';')[0] ?? '', 'x-portcullis-key': key }
  const { who } = JSON.parse((await send(port, '/session', { headers })).text)
  for (const path of ['/v1/dashboard', '/v1/%64ashboard', '/v1/dashboard?']) {
    const link = await send(port, path, { method: 'POST', headers, body: '{"who":"the boss"}' })
    t.match(link, { status: 403, text: /PTC_ADMIN_DENIED/ }, `${path} gives no login under another name`)
  }
  const revoked = { method: 'POST', headers, body: '{"all":true}' }
  t.equal((await send(port, '/v1/revoke?who=the+boss', revoked)).status, 200)
  t.equal(
    (
      await send(port, '/v1/revoke?who=the+boss', {
        ...revoked,
        headers: { ...headers, 'x-portcullis-who': 'the boss' },
      })
    ).status,
    200,
  )
  await proxy.until(new RegExp(`(?:NOTE: ${who} revoked everything[^]*){2}`))
  t.notMatch(proxy.output(), 'the boss')
})

test('the admin page needs a port, and the port must be on loopback', async t => {
  const { ctl } = await managedHere(t, [])
  t.match(await ctl('dashboard'), { code: 1, err: /there is no page: proxy\.config\.admin\.listen is NULL/ })
  const conf = makeConfDir({ records: { 'proxy.config.admin.listen': '0.0.0.0:8083' } })
  t.teardown(conf.remove)
  const { exitCode, stderr } = await commandHere(['verify-config', '-D', conf.path])
  t.equal(exitCode, 1)
  t.match(stderr(), /proxy\.config\.admin\.listen: .*a loopback address and a port/)
})
