/** Tunnels to origins that ask the client for a certificate, which the proxy has not. */
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { liveNatives } from '../../core/tls/openssl/owned.js'
import { type Connecting, type ConnectingOptions, startConnecting, testRoot } from '../kit/connecting.js'
import { type OpensslOrigin, opensslOrigin } from '../kit/openssl-origin.js'
import { makeTempDir } from '../kit/temp-dir.js'

const HOST = 'www.google.com'

const start = (t: Test, options: Partial<ConnectingOptions> = {}): Promise<Connecting> =>
  startConnecting(t, { hosts: [HOST], ...options })

async function origin(t: Test, tls: '1.2' | '1.3', args: readonly string[] = []): Promise<OpensslOrigin> {
  const root = await testRoot()
  const leaf = await root.issue({ cn: HOST, ...(args.length === 0 ? {} : { keyType: 'rsa-2048' }) })
  const clientCertificate = { caPem: root.certPem, require: true }
  const started = await opensslOrigin({
    ...leaf,
    tls,
    clientCertificate,
    args: ['-verify_return_error', ...args],
  })
  t.teardown(started.stop)
  return started
}

/** Arguments of curl. */
async function certificate(t: Test): Promise<readonly string[]> {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const mine = await (await testRoot()).issue({ cn: 'client.example', eku: ['clientAuth'] })
  return ['--cert', dir.file('mine.pem', mine.certPem + mine.keyPem)]
}

for (const tls of ['1.2', '1.3'] as const) {
  test(`TLS ${tls}: a client shows its own certificate through a probed tunnel`, async t => {
    const { curl, gate, proxy } = await start(t)
    const { port, receivedNames } = await origin(t, tls)
    const { code, stdout, stderr } = await curl(...(await certificate(t)), `https://${HOST}:${port}/`)
    t.equal(code, 0, stderr)
    t.match(stdout, /200 Connection established[\s\S]*HTTP\/1\.0 200 ok/i)
    t.equal(gate.asked.length, 1)
    if (tls === '1.2') {
      const [, afterHello] = receivedNames()
      t.match(
        afterHello,
        /close_notify|user_canceled/,
        'the probe ends behind the verdict, with a clean close',
      )
      t.equal(receivedNames().filter(name => name === 'Finished').length, 1, 'of the client alone')
    }
    await gate.allClosed()
    await proxy.stop()
    t.same(
      Object.entries(liveNatives()).filter(([what, count]) => count > 0 && what !== 'scratch BIO'),
      [],
      'nothing native is left',
    )
  })

  test(`TLS ${tls}: an origin that asks for a certificate is rejected as any other`, async t => {
    const { curl } = await start(t, { answer: ({ reenable }) => void reenable(reject('revoked')) })
    const it = await origin(t, tls)
    const { stdout } = await curl(...(await certificate(t)), `https://${HOST}:${it.port}/`)
    t.match(stdout, /^HTTP\/1\.1 502 /)
    await it.waitFor('fatal certificate_revoked')
  })
}

test('a key exchange that proves nothing before its end does not pass a probe', async t => {
  const { curl, gate } = await start(t)
  const { port } = await origin(t, '1.2', ['-cipher', 'AES128-GCM-SHA256'])
  const { stdout } = await curl(...(await certificate(t)), `https://${HOST}:${port}/`)
  t.equal(gate.asked.length, 1, 'its certificate was accepted')
  t.match(stdout, /^HTTP\/1\.1 502 [\s\S]*PTC_HANDSHAKE_ALERT/)
})
