/** Bump mode with an authority below the one that clients trust. */
import { test } from 'tap'
import { ProxyServer } from '../../core/program/proxy.js'
import { BUMP } from '../kit/bumping.js'
import { startChild } from '../kit/child.js'
import { httpsOrigin, startConnecting } from '../kit/connecting.js'
import { makeAuthority } from '../kit/pki.js'
import { makeConfDir, placeFor } from '../kit/proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

const HOST = 'www.google.com'
const root = await makeAuthority({ name: 'Company Root' })
const middle = await makeAuthority({ name: 'Company Middle', parent: root })
const below = await makeAuthority({ name: 'Company Proxies', parent: middle })

test('clients that trust the root alone accept the leaves of an authority two steps below it', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const file = dir.file('company-root.pem', root.certPem)
  const { curl, proxy } = await startConnecting(t, {
    hosts: [HOST],
    files: { 'bump-ca.pem': below.certPem + middle.certPem, 'bump-ca.key': below.keyPem },
    records: BUMP,
  })
  const origin = await httpsOrigin(t, HOST)
  for (const flags of [['--tls-max', '1.2'], ['--tlsv1.3']]) {
    const got = await curl(...flags, '--cacert', file, `https://${HOST}:${origin.port}/`)
    t.match(got, { code: 0, stdout: /hello from www\.google\.com/ })
  }
  const client = await startChild('openssl', [
    ...['s_client', '-proxy', `127.0.0.1:${proxy.port}`, '-connect', `${HOST}:${origin.port}`],
    ...['-servername', HOST, '-CAfile', file, '-verify_return_error', '-showcerts'],
  ])
  t.teardown(client.stop)
  await client.until(() => /Verify return code: 0/.exec(client.stdout()) ?? undefined, 'the verification')
  const issuers = [...client.stdout().matchAll(/^ *\d s:.*CN = ([^,\n]+)/gm)].map(([, name]) => name)
  t.strictSame(issuers, [HOST, 'Company Proxies', 'Company Middle'])
})

test('a proxy does not start with certificates of an authority that do not belong together', async t => {
  const conf = makeConfDir({
    files: { 'bump-ca.pem': below.certPem + root.certPem + middle.certPem, 'bump-ca.key': below.keyPem },
    records: BUMP,
  })
  t.teardown(conf.remove)
  await t.rejects(ProxyServer.start(placeFor(conf.path, () => undefined)), {
    code: 'PTC_TLS_CONTEXT',
    message: /bump-ca\.pem.*: certificate 2 \(.*Company Root.*\) has issued none of those in front of it/,
  })
})
