/** `client` and `transaction` of the verify hook, and what an acceptance that depends on them is good for. */
import * as bcrypt from '@node-rs/bcrypt'
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { startBumping } from '../kit/bumping.js'
import { httpsOrigin } from '../kit/connecting.js'
import { curl } from '../kit/curl.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { SECURE_FILES, root as secureRoot } from '../kit/secure-proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

const HOST = 'asking.test'
const root = await makeAuthority({ name: 'Root' })
const [ALICE, BOB] = ['127.0.0.1', '127.0.0.2'] as const

/** Accepts for one address alone, and allows it to be remembered. */
const ONLY = `
export default ({ argv, hookAdd, note, accept, reject }) => hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => {
  const { client, transaction } = argv.includes('blind') ? {} : event
  note('asked ' + JSON.stringify({ client, transaction }))
  event.reenable(client && client.address !== '${ALICE}' ? reject('policy', 'not for you') : accept({ cacheFor: 60000, scope: 'host' }))
}, { coalesce: argv.includes('coalesce') })
`

async function stage(
  t: Test,
  line: string,
  conf: ProxyConf = {},
): Promise<{ origin: NodeOrigin; proxy: ProxyHere }> {
  const origin = await nodeOrigin({ tls: await root.issue({ cn: HOST }) })
  t.teardown(origin.stop)
  const proxy = await startProxyHere({
    ca: root.certPem,
    hosts: [HOST],
    modules: { 'only.mjs': ONLY },
    plugins: [line],
    ...conf,
    records: {
      'proxy.config.http.server_ports': '0',
      'proxy.config.http.connect_ports': `${origin.port}`,
      'proxy.config.ssl.origin_session_cache': 1,
      'proxy.config.ssl.origin_session_cache.reverify_on_resume': 0,
      ...conf.records,
    },
  })
  t.teardown(proxy.stop)
  return { origin, proxy }
}

/** The status of a request in absolute form. */
async function ask(
  { origin, proxy }: Awaited<ReturnType<typeof stage>>,
  from: string,
  ...more: string[]
): Promise<string> {
  const url = `https://${HOST}:${origin.port}/`
  const args = [
    '-s',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '--interface',
    from,
    '--request-target',
    url,
    ...more,
  ]
  return (await curl([...args, `http://127.0.0.1:${proxy.port}/`])).stdout
}

/** The status of the answer to a CONNECT. */
async function tunnel({ origin, proxy }: Awaited<ReturnType<typeof stage>>, from: string): Promise<string> {
  const args = [
    '-s',
    '-k',
    '-o',
    '/dev/null',
    '-w',
    '%{http_connect}',
    '--interface',
    from,
    '-x',
    `http://127.0.0.1:${proxy.port}`,
  ]
  return (await curl([...args, `https://${HOST}:${origin.port}/`])).stdout
}

for (const isolate of ['', '@isolate=worker ']) {
  const where = isolate === '' ? 'here' : 'in a worker'
  test(`an acceptance for one client serves no other client, ${where}`, async t => {
    const at = await stage(t, `only.mjs ${isolate}`)
    t.equal(await ask(at, ALICE), '200')
    t.equal(await ask(at, BOB), '502', 'not by the idle connection, the session or the remembered verdict')
    t.equal(await tunnel(at, ALICE), '200')
    t.equal(await tunnel(at, BOB), '502', 'nor by the address that was verified')
    t.equal(await ask(at, ALICE), '200')
    t.equal(at.origin.handshakes.filter(({ isResumed }) => isResumed).length, 0)
  })

  test(`a plugin that has not looked lets all clients share, ${where}`, async t => {
    const at = await stage(t, `only.mjs ${isolate}blind`)
    for (const client of [ALICE, BOB, ALICE]) t.equal(await ask(at, client), '200')
    t.equal(at.origin.connections, 1, 'one connection serves them')
  })

  test(`an answer shared by several clients does not depend on one of them, ${where}`, async t => {
    const at = await stage(t, `only.mjs ${isolate}coalesce`)
    t.equal(await ask(at, BOB), '200', 'the client is not shown')
    await at.proxy.until(/asked \{\}/)
  })
}

test('an idle connection serves the client again for which it was accepted', async t => {
  const at = await stage(t, 'only.mjs')
  const url = `http://127.0.0.1:${at.proxy.port}/`
  const target = `https://${HOST}:${at.origin.port}/`
  const one = ['-s', '-o', '/dev/null', '-w', '%{http_code} ', '--request-target', target, url]
  t.equal((await curl([...one, '--next', ...one])).stdout, '200 200 ')
  t.equal(at.origin.connections, 1)
})

test('a plugin is told address, port, login, certificate and request', async t => {
  const certificate = await secureRoot.issue({ cn: 'a client', eku: ['clientAuth'] })
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const pem = dir.file('client.pem', `${certificate.chainPem}\n${certificate.keyPem}`)
  const at = await stage(t, 'only.mjs', {
    ca: `${root.certPem}\n${secureRoot.certPem}`,
    files: { ...SECURE_FILES, users: `alice:${bcrypt.hashSync('pass', 4)}\n` },
    records: {
      'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1',
      'proxy.config.ssl.client.certification_level': 2,
      'proxy.config.ssl.CA.cert.filename': 'root.pem',
      'proxy.config.http.proxy_auth.htpasswd': 'users',
    },
  })
  const proxy = `https://127.0.0.1:${at.proxy.port}`
  const args = [
    '-s',
    '-k',
    '-o',
    '/dev/null',
    '-w',
    '%{http_connect}',
    '-x',
    proxy,
    '--proxy-insecure',
    '--proxy-cert',
    pem,
  ]
  const { stdout } = await curl([...args, '-U', 'alice:pass', `https://${HOST}:${at.origin.port}/`])
  t.equal(stdout, '200')
  const [, said = ''] = await at.proxy.until(/asked (\{.*\})/)
  t.same(JSON.parse(said), {
    client: {
      ...{ address: ALICE, port: `127.0.0.1:${at.proxy.port}` },
      ...{ user: 'alice', groups: [], subject: '/CN=a client' },
    },
    transaction: { method: 'CONNECT', url: `${HOST}:${at.origin.port}` },
  })
})

test('in a bump each request is asked about for its own client', async t => {
  const origin = await httpsOrigin(t, HOST)
  const at = await startBumping(t, {
    hosts: [HOST],
    answer: ({ client, reenable }) => void reenable(client?.address === ALICE ? undefined : reject('policy')),
  })
  const url = `https://${HOST}:${origin.port}/`
  const status = async (from: string): Promise<string> =>
    (await at.browse('-o', '/dev/null', '-w', '%{http_code}', '--interface', from, url)).stdout
  t.match(await status(ALICE), '200')
  t.notMatch(await status(BOB), '200')
  t.match(await status(ALICE), '200')
})
