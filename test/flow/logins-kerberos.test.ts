/** Kerberos through the proxy: Negotiate by curl, against Apache with logins that hold for the connection. */
import { test } from 'tap'
import { bumpFiles } from '../kit/bumping.js'
import { testRoot } from '../kit/connecting.js'
import { kerberosOrigin } from '../kit/kerberos.js'
import { startProxyHere } from '../kit/proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

const HOST = 'intranet.test'
const ALICE = 'alice@PORTCULLIS.TEST'

test('curl logs in by Kerberos in every way through the proxy', async t => {
  const root = await testRoot()
  const { chainPem, keyPem } = await root.issue({ cn: HOST })
  const origin = await kerberosOrigin({ host: HOST, users: ['alice', 'bob'], chainPem, keyPem })
  t.teardown(origin.stop)
  const bump = await bumpFiles()
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const trusted = dir.file('trusted.pem', root.certPem + bump['bump-ca.pem'])

  const stage = async (records: Parameters<typeof startProxyHere>[0]['records']) => {
    const proxy = await startProxyHere({
      hosts: [HOST],
      ca: root.certPem,
      files: bump,
      records: { 'proxy.config.http.connect_ports': '*', ...records },
    })
    t.teardown(proxy.stop)
    /** Status and user of each answer of the origin, those of the login's first step left out. */
    return async (user: string | undefined, ...urls: string[]): Promise<readonly string[]> => {
      const args = ['-sS', '-i', '-x', `http://127.0.0.1:${proxy.port}`, '--cacert', trusted]
      const { stdout } = await origin.curl(user, ...args, ...urls)
      const heads = stdout
        .split(/\r\n\r\n/)
        .filter(part => /(?:^|\n)HTTP\/1\.1 [^\r]*\r\n[\s\S]*x-user:/i.test(part))
      return heads.map(head =>
        `${/HTTP\/1\.1 (\d+)/.exec(head)?.[1]} ${/x-user: (.*)/i.exec(head)?.[1]}`.trim(),
      )
    }
  }
  const [http, https] = [`http://${HOST}:${origin.httpPort}/`, `https://${HOST}:${origin.httpsPort}/`]
  const modes = {
    'plain HTTP': { url: http, records: {} },
    'CONNECT, probe': { url: https, records: {} },
    'CONNECT, bump': { url: https, records: { 'proxy.config.http.connect.verify': 'bump' } },
  } as const
  for (const [mode, { url, records }] of Object.entries(modes)) {
    const ask = await stage(records)
    t.match(
      (await ask('alice', url, url)).slice(-2),
      [`200 ${ALICE}`, `200 ${ALICE}`],
      `${mode}: two requests`,
    )
    const without = await ask(undefined, url)
    t.ok(
      without.length > 0 && without.every(line => line.startsWith('401')),
      `${mode}: ${without} without a ticket`,
    )
    const both = await Promise.all([ask('alice', url), ask('bob', url), ask(undefined, url)])
    const last = both.map(lines => lines.at(-1))
    t.match(last, [`200 ${ALICE}`, '200 bob@PORTCULLIS.TEST', /^401/], `${mode}: at the same time`)
  }
  const ask = await stage({ 'proxy.config.http.auth_server_session_private': 0 })
  await ask('alice', http)
  t.match(
    (await ask(undefined, http)).at(-1),
    `200 ${ALICE}`,
    'shared logins, which an operator can switch on: that server does authenticate connections',
  )
})
