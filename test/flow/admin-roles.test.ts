/** What tokens and logins of each role may do on a running proxy. */
import { chmodSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { JSON_TYPE, logIn, portOf, send } from '../kit/admin-client.js'
import { approving } from '../kit/approving.js'
import { makeTempDir } from '../kit/temp-dir.js'

const ROLES = ['read', 'decide', 'change'] as const
const tokenFor = (word: string): string => `${word}-token-of-an-operator`
const LISTEN = { 'proxy.config.admin.listen': '127.0.0.1:0' }
const ANSWER = JSON.stringify({ scope: 'leaf', who: 'an agent', duration: 60_000 })

/** Requests, and the role that each of them needs: one at least for each route. None of them changes anything. */
const REQUESTS: readonly (readonly [
  needs: (typeof ROLES)[number],
  method: string,
  path: string,
  body?: string,
])[] = [
  ['read', 'GET', '/v1/status'],
  ['read', 'HEAD', '/v1/status'],
  ['read', 'GET', '/metrics'],
  ['read', 'GET', '/v1/records'],
  ['read', 'GET', '/v1/records/proxy.config.proxy_name'],
  ['read', 'GET', '/v1/parked'],
  ['read', 'GET', '/v1/parked/999'],
  ['read', 'GET', '/v1/history?search=a'],
  ['read', 'GET', '/v1/approvals'],
  ['read', 'GET', '/v1/answers'],
  ['read', 'GET', '/v1/policy/explain?host=a.test'],
  ['read', 'GET', '/v1/learning/report'],
  ['read', 'GET', '/v1/verdicts'],
  ['read', 'GET', '/v1/metrics?match=portcullis_parked'],
  ['read', 'GET', '/v1/samples?since=0'],
  ['read', 'GET', '/v1/rules'],
  ['read', 'GET', '/v1/plugins'],
  ['read', 'GET', '/v1/openapi.json'],
  ['decide', 'POST', '/v1/parked/999/accept', '{}'],
  ['decide', 'POST', '/v1/parked/999/extend', '{"ms":1000}'],
  ['decide', 'POST', '/v1/approvals/none/accept', ANSWER],
  ['decide', 'POST', '/v1/approvals/none/reject', ANSWER],
  ['decide', 'POST', '/v1/approvals/none/extend', '{"ms":1000}'],
  ['decide', 'POST', '/v1/answers/none/withdraw', '{}'],
  ['decide', 'POST', '/v1/parked/999/reject', '{}'],
  ['change', 'POST', '/v1/dashboard', '{}'],
  ['change', 'POST', '/v1/%64ashboard?x', '{}'],
  ['change', 'POST', '/v1/revoke', '{}'],
  ['change', 'PUT', '/v1/records/none', '{"value":"1"}'],
  ['change', 'PUT', '/v1/debug', '{}'],
  ['change', 'POST', '/v1/learning/write', '{}'],
  ['change', 'POST', '/v1/plugin/msg', '{"tag":"none"}'],
  ['change', 'POST', '/v1/reload'],
  ['change', 'POST', '/v1/plugins/none/reload'],
  ['change', 'POST', '/v1/restart'],
  ['change', 'POST', '/v1/drain', '{"undo":true}'],
  ['change', 'POST', '/v1/nothing', '{}'],
]

test('each token does what its role allows', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const file = `${dir.path}/tokens`
  writeFileSync(file, [tokenFor('every'), ...ROLES.map(role => `${role}:${tokenFor(role)}`)].join('\n'))
  chmodSync(file, 0o600)
  const { ctl, ask, waiting } = await approving(t, 'approval.js', {
    ...LISTEN,
    'proxy.config.admin.token_file': file,
  })
  const port = portOf((await ctl('dashboard')).out.trim())
  const bearer = (word: string) => ({ authorization: `Bearer ${tokenFor(word)}` })

  for (const has of [...ROLES, 'every'] as const)
    for (const [needs, method, path, body] of REQUESTS) {
      const headers = { ...bearer(has), ...(body && JSON_TYPE), 'x-portcullis-role': 'change' }
      const got = await send(port, path, { method, headers, ...(body && { body }) })
      const rights = has === 'every' ? ROLES.length : ROLES.indexOf(has)
      const isAllowed = rights >= ROLES.indexOf(needs)
      t.equal(got.status !== 403, isAllowed, `${has}: ${method} ${path} is ${got.status}`)
      if (isAllowed) continue
      const { error } = JSON.parse(got.text)
      t.match(error, { code: 'PTC_ADMIN_DENIED', message: `needs the role "${needs}"` })
    }

  const { paths } = JSON.parse((await send(port, '/v1/openapi.json', { headers: bearer('read') })).text)
  for (const [path, operations] of Object.entries<object>(paths))
    for (const operation of Object.keys(operations)) {
      const route = new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/?]+')}(\\?|$)`)
      const isTried = REQUESTS.some(
        ([, method, tried]) => method.toLowerCase() === operation && route.test(tried),
      )
      // The events have no end, and a stop ends the proxy.
      t.ok(isTried || ['/v1/events', '/v1/stop'].includes(path), `${operation} ${path} is tried`)
    }

  const held = ask()
  const { id } = await waiting()
  const answer = { method: 'POST', body: ANSWER }
  const path = `/v1/approvals/${id}/accept`
  t.equal((await send(port, path, { ...answer, headers: { ...bearer('read'), ...JSON_TYPE } })).status, 403)
  t.equal((await waiting()).id, id, 'the question is still open')
  t.equal((await send(port, path, { ...answer, headers: { ...bearer('decide'), ...JSON_TYPE } })).status, 200)
  t.match((await held).stdout, /^HTTP\/1\.1 200 /)

  for (const word of ['read', 'decide'])
    t.equal((await send(port, '/v1/stop', { method: 'POST', headers: bearer(word) })).status, 403, word)
  t.equal((await send(port, '/v1/stop', { method: 'POST', headers: bearer('change') })).status, 202)
})

test('a login has the role that its link was made for', async t => {
  const { ctl } = await approving(t, 'approval.js', LISTEN)
  for (const role of [undefined, ...ROLES]) {
    const link = await ctl('dashboard', ...(role === undefined ? [] : ['--role', role]))
    const { port, cookie, key } = await logIn(link.out.trim())
    const headers = { cookie: cookie.split(';')[0] ?? '', 'x-portcullis-key': key }
    const has = role ?? 'change'
    t.match(JSON.parse((await send(port, '/session', { headers })).text), { role: has })
    for (const [needs, method, path, body] of REQUESTS.filter(([, , one]) => !one.includes('ashboard'))) {
      const given = { ...headers, ...(body && JSON_TYPE), 'x-portcullis-role': 'change' }
      const got = await send(port, path, { method, headers: given, ...(body && { body }) })
      t.equal(got.status !== 403, ROLES.indexOf(has) >= ROLES.indexOf(needs), `${has}: ${method} ${path}`)
    }
  }
  t.match(await ctl('dashboard', '--role', 'boss'), {
    code: 64,
    err: /--role boss: write read, decide, change/,
  })
  t.match(await ctl('status', '--role', 'read'), { code: 64 })
})
