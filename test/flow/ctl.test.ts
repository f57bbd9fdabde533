/** A running proxy, asked and told with the program's own `ctl`. */
import { X509Certificate } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { test } from 'tap'
import { get } from '../kit/client.js'
import { CONNECTION, HOST, issued, managed, managedHere, runCtl } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'

test('ctl revokes a remembered acceptance, and the plugin is asked again', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const { proxy, ctl, count } = await managedHere(t, ['desk.mjs one'])
  const url = `https://${HOST}:${origin.httpsPort}/`
  const ask = async (): Promise<string> => (await get(proxy.port, url)).body.toString()
  const first = await ask()
  t.match(first, /^\d+\n$/)
  for (let i = 0; i < 2; i++) t.equal(await ask(), first, 'over the same connection')
  t.equal(await count(/asked about/g, 1), 1)
  t.match(JSON.parse((await ctl('status', '--json')).out), {
    counters: { rememberedVerdicts: 1, idleConnections: 1, handshakes: 0, parked: 0 },
  })
  const { out } = await ctl('verdicts')
  const [, key = ''] = /managed\.test .* (key:\S+)$/m.exec(out) ?? []
  t.match(await ctl('revoke', 'other.test'), { code: 0, out: 'revoked: nothing was kept\n' })
  t.match(await ctl('revoke', HOST), { code: 0, out: 'revoked: 1 remembered verdict, 1 idle connection\n' })
  t.match(await ctl('verdicts'), { out: 'no verdict is remembered\n' })
  t.match(await ctl('revoke', key), { code: 1, err: /PTC_REVOCATION.*no verdict is remembered/ })
  let last = await ask()
  t.not(last, first, 'another handshake')
  t.equal(await count(/asked about/g, 2), 2, 'about which the plugin is asked')
  const { fingerprint256: sha256 } = new X509Certificate(issued.certPem)
  let asked = 2
  for (const what of [key, `cert:${sha256}`, '--all']) {
    asked += 1
    t.match(await ctl('revoke', what), { code: 0, out: /1 remembered verdict, 1 idle connection/ }, what)
    const now = await ask()
    t.not(now, last)
    last = now
    t.equal(await count(/asked about/g, asked), asked)
  }
  t.match(await ctl('revoke', 'spki:xyz'), { code: 1, err: /PTC_REVOCATION: "xyz" is no SHA-256/ })
})

test('ctl reloads and stops a proxy', async t => {
  const { proxy, socket, ctl } = await managed(t, ['desk.mjs one'], runCtl)
  t.equal((statSync(socket).mode & 0o777).toString(8), '600')
  t.match(await ctl('reload'), { code: 0, out: 'configuration read, for the 2nd time\n' })
  const records = { 'proxy.config.admin.socket': 'ctl.sock' } as const
  proxy.conf.write({ plugins: ['missing.mjs'], records })
  t.match(await ctl('reload'), { code: 1, err: /PTC_PLUGIN_NOT_FOUND: .*plugin\.config:1.*missing/ })
  const status = await ctl('status')
  t.match(
    status.out,
    new RegExp(`^portcullis +\\S+, pid ${proxy.child.pid}, up .*\nconfiguration +.*2 times in all\n`),
  )
  t.match(status.out, new RegExp(`\nports +127\\.0\\.0\\.1:${proxy.port}\n`))
  t.match(status.out, /\nplugins +desk \(line 1\): .*TS_SSL_CERT_VERIFY_HOOK/)
  t.match(await ctl('stop'), { code: 0, out: /in 30\.0 s at most/ })
  t.equal(await proxy.child.exited(), 0)
  t.notOk(existsSync(socket), 'the socket is gone')
  t.match(await ctl('status'), { code: 1, err: /PTC_ADMIN_UNREACHABLE.*no proxy is running/ })
})
