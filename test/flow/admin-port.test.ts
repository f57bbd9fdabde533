/** The management API on a TCP port: the login, and the answers. */
import { readFileSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'tap'
import { approving } from '../kit/approving.js'
import { get } from '../kit/get.js'
import { managed } from '../kit/managed.js'
import { makeConfDir, runMain } from '../kit/proxy.js'

const LISTEN = { 'proxy.config.admin.listen': '127.0.0.1:0' }

interface Given {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

function send(port: number, path: string, { method = 'GET', headers = {}, body }: Given = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    request(
      { host: '127.0.0.1', port, path, method, headers: { host: `127.0.0.1:${port}`, ...headers } },
      res => {
        let text = ''
        res.setEncoding('utf8').on('data', part => {
          text += part
        })
        res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }))
      },
    )
      .on('error', reject)
      .end(body)
  })
}

const portOf = (url: string): number => Number(new URL(url).port)
const JSON_TYPE = { 'content-type': 'application/json' }

test('programs need the token', async t => {
  const { proxy, ctl } = await approving(t, 'approval.js', LISTEN)
  const port = portOf((await ctl('dashboard')).out.trim())
  const file = join(proxy.conf.path, 'admin.token')
  t.equal(statSync(file).mode & 0o777, 0o600, 'the token is for its owner alone')
  const bearer = { authorization: `Bearer ${readFileSync(file, 'utf8').trim()}` }

  t.match(await send(port, '/v1/status', { headers: bearer }), { status: 200, text: /"counters"/ })
  t.match(await send(port, '/v1/approvals', { headers: bearer }), { status: 200, text: '{"approvals":[]}' })
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
  t.match(await get(proxy.port, `http://127.0.0.1:${port}/metrics`), { status: 508 }, 'not through the proxy')
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
  const authorization = `Bearer ${readFileSync(join(proxy.conf.path, 'admin.token'), 'utf8').trim()}`
  const right = await send(port, '/v1/status', { headers: { authorization } })
  t.match(
    right,
    { status: 429, headers: { 'retry-after': '60' } },
    'the right one would tell that it is right',
  )
})

test('a person with a link that works once', async t => {
  const { proxy, ctl, ask, waiting } = await approving(t, 'approval.js', LISTEN)
  const link = new URL((await ctl('dashboard')).out.trim())
  const port = Number(link.port)
  const login = await send(port, link.pathname + link.search)
  const [cookie = ''] = login.headers['set-cookie'] ?? []
  t.match(cookie, /^portcullis=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/)
  t.match(await send(port, link.pathname + link.search), { status: 401, text: /was used/ })
  const headers = { cookie: cookie.split(';')[0] ?? '' }

  const page = await send(port, '/', { headers })
  t.match(page, {
    status: 200,
    headers: { 'content-security-policy': /default-src 'none'/ },
    text: /<title>Portcullis/,
  })
  for (const path of ['/page.js', '/page.css'])
    t.match(await send(port, path, { headers }), { status: 200 }, path)
  const { who, csrf } = JSON.parse((await send(port, '/session', { headers })).text)

  const held = ask()
  const { id } = await waiting()
  const path = `/v1/approvals/${id}/accept`
  const body = JSON.stringify({ scope: 'leaf', who: 'somebody else', duration: 60_000 })
  const bare = { method: 'POST', headers: { ...headers, ...JSON_TYPE }, body }
  t.match(await send(port, path, bare), { status: 403, text: /x-csrf-token/ })
  const whole = { ...bare, headers: { ...bare.headers, 'x-csrf-token': csrf } }
  t.match(await send(port, path, { ...whole, headers: { ...whole.headers, origin: 'http://evil.test' } }), {
    status: 403,
  })
  t.match(await send(port, path, whole), { status: 200, text: new RegExp(id) })
  t.match((await held).stdout, /^HTTP\/1\.1 200 /)
  const journal = readFileSync(join(proxy.conf.path, 'approvals.jsonl'), 'utf8')
  t.ok(journal.includes(`"who":"${who}"`), 'the answer is written down as that of the session')
  t.notOk(journal.includes('somebody else'))
})

test('the admin page needs a port, and the port must be on loopback', async t => {
  const { ctl } = await managed(t, [])
  t.match(await ctl('dashboard'), { code: 1, err: /there is no page: proxy\.config\.admin\.listen is NULL/ })
  const conf = makeConfDir({ records: { 'proxy.config.admin.listen': '0.0.0.0:8083' } })
  t.teardown(conf.remove)
  const child = await runMain(['verify-config', '-D', conf.path])
  t.equal(await child.exited(), 1)
  t.match(child.stderr(), /proxy\.config\.admin\.listen: .*a loopback address and a port/)
})
