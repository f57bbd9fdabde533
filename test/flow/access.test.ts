import * as bcrypt from '@node-rs/bcrypt'
import { type Test, test } from 'tap'
import { curl } from '../kit/curl.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { type ProxyConf, startProxyHere } from '../kit/proxy.js'

const RULE = (ip: string, more = ''): string =>
  `ip_allow:\n  - {apply: in, ip_addrs: ${ip}, action: allow${more}}\n`

async function start(t: Test, conf: ProxyConf) {
  const origin = await nodeOrigin()
  const proxy = await startProxyHere({ hosts: ['origin.example'], ...conf })
  t.teardown(async () => {
    await proxy.stop()
    await origin.stop()
  })
  /** What curl prints, and whether it got through. */
  const get = (...args: readonly string[]) =>
    curl([
      '-sS',
      '-i',
      '--http1.1',
      '-x',
      `http://127.0.0.1:${proxy.port}`,
      ...args,
      `http://origin.example:${origin.port}/`,
    ])
  return { origin, proxy, get }
}

test('ip_allow.yaml decides which clients are served', async t => {
  const { origin, proxy, get } = await start(t, { files: { 'ip_allow.yaml': RULE('10.0.0.0/8') } })
  const { stdout } = await get()
  t.match(stdout, /^HTTP\/1.1 403 Forbidden/)
  t.match(stdout, /127\.0\.0\.1 may not send GET to this proxy \(no rule of ip_allow\.yaml matches it\)/)
  t.match(stdout, /Code: PTC_CLIENT_DENIED/)
  const tunnel = await curl(['-sS', '-x', `http://127.0.0.1:${proxy.port}`, 'https://origin.example/'])
  t.match(tunnel.stderr, /CONNECT tunnel failed, response 403|Received HTTP code 403/, 'for CONNECT as well')
  t.equal(origin.connections, 0)

  proxy.conf.write({
    hosts: ['origin.example'],
    files: { 'ip_allow.yaml': RULE('127.0.0.1', ', methods: GET') },
  })
  await proxy.server.reload()
  t.match((await get()).stdout, /^HTTP\/1.1 200/, 'a reload brings the new rules')
  t.match(
    (await get('-X', 'DELETE')).stdout,
    /^HTTP\/1.1 403.*ip_allow\.yaml:2/s,
    'which may be about methods',
  )

  proxy.conf.write({ hosts: ['origin.example'], files: { 'ip_allow.yaml': 'ip_allow:\n  - apply: on\n' } })
  await t.rejects(proxy.server.reload(), { code: 'PTC_IP_ALLOW_INVALID', message: /ip_allow\.yaml:2/ })
  t.match((await get()).stdout, /^HTTP\/1.1 200/, 'after a bad one the old rules go on')
})

test('a client needs the right Basic Proxy-Authorization', async t => {
  const hash = (await bcrypt.hash('secret', 4)).replace('$2b$', () => '$2y$')
  const { origin, proxy, get } = await start(t, {
    records: { 'proxy.config.http.proxy_auth.htpasswd': 'users' },
    files: { users: `ann:${hash}\n` },
  })
  const none = await get()
  t.match(none.stdout, /^HTTP\/1.1 407 Proxy Authentication Required/)
  t.match(none.stdout, /\r\nProxy-Authenticate: Basic realm="portcullis", charset="UTF-8"\r\n/)
  t.match((await get('--proxy-user', 'ann:wrong')).stdout, /^HTTP\/1.1 407/)
  t.equal(origin.connections, 0)
  t.match((await get('--proxy-user', 'ann:secret')).stdout, /^HTTP\/1.1 200/)
  t.match(
    (await get('--proxy-anyauth', '--proxy-user', 'ann:secret')).stdout,
    /407.*HTTP\/1.1 200/s,
    'after the challenge',
  )
  t.equal(origin.requests.length, 2)
  t.notMatch(JSON.stringify(origin.requests), /authorization|secret/i, 'the origin hears nothing of it')
  t.notMatch(proxy.output(), /secret|YW5u/, 'nor do the logs')
  const tunnel = [
    '-sS',
    '-o',
    '/dev/null',
    '-x',
    `http://127.0.0.1:${proxy.port}`,
    'https://origin.example:1/',
  ]
  t.match((await curl(tunnel)).stderr, /407/, 'CONNECT is asked too')
})

test('private origins can be denied', async t => {
  const { origin, get, proxy } = await start(t, { records: { 'proxy.config.http.deny_private_origins': 1 } })
  const { stdout } = await get()
  t.match(stdout, /^HTTP\/1.1 403/)
  t.match(stdout, /Proxy-Status: portcullis; error=destination_ip_prohibited; details="PTC_ORIGIN_DENIED/)
  t.match(stdout, /origin\.example is not on the public internet/, 'by what their names mean')
  t.notMatch(stdout, /127\.0\.0/, 'which is not told')
  for (const host of [
    '127.0.0.1',
    'localhost',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
    '0.0.0.0',
  ]) {
    const url = `http://${host}:${origin.port}/`
    const { stdout } = await curl(['-sS', '-i', '-x', `http://127.0.0.1:${proxy.port}`, '--noproxy', '', url])
    t.match(stdout, /^HTTP\/1.1 403/, host)
  }
  const tls = await curl([
    '-sS',
    '-i',
    '-x',
    `http://127.0.0.1:${proxy.port}`,
    '--request-target',
    'https://127.0.0.1/',
    'http://x/',
  ])
  t.match(tls.stdout, /^HTTP\/1.1 403/, 'https as well')
  t.equal(origin.connections, 0)
})
