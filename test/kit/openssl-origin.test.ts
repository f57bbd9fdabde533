import { test } from 'tap'
import { curl } from './curl.js'
import { opensslOrigin } from './openssl-origin.js'
import { makeAuthority } from './pki.js'
import { requireProgram } from './programs.js'
import { makeTempDir } from './temp-dir.js'

for (const tls of ['1.2', '1.3'] as const) {
  test(`openssl origin, TLS ${tls}`, async t => {
    const dir = makeTempDir()
    t.teardown(() => dir.remove())
    const root = await makeAuthority({ name: 'Root' })
    const issuing = await makeAuthority({ name: 'Issuing', parent: root })
    const origin = await opensslOrigin({ ...(await issuing.issue({ cn: '127.0.0.1' })), tls })
    t.teardown(() => origin.stop())

    const refused = await curl(['-s', `https://127.0.0.1:${origin.port}/`])
    t.equal(refused.code, 60, 'curl does not know the root')
    await origin.waitFor('fatal unknown_ca')
    t.ok(origin.received('ClientHello'), 'the server tells what came')
    t.notOk(origin.received('ApplicationData'), 'and that no request came')
    t.match(origin.messages()[0], { direction: 'in', version: /TLS/, kind: 'Handshake', name: 'ClientHello' })

    const ca = dir.file('root.pem', root.certPem)
    const served = await curl(['-s', '--cacert', ca, `https://127.0.0.1:${origin.port}/`])
    t.equal(served.code, 0, 'the chain is sent as well')
    t.match(served.stdout, /s_server/)
    await origin.waitFor('ApplicationData')
    t.ok(origin.received('Finished'), 'and that a request came after Finished')
  })
}

test('openssl origin with a group for which there is no key share', async t => {
  const origin = await opensslOrigin({
    ...(await (await makeAuthority({ name: 'Root' })).issue({ cn: 'x' })),
    groups: 'P-384',
  })
  t.teardown(() => origin.stop())
  await curl(['-sk', `https://127.0.0.1:${origin.port}/`])
  await origin.waitFor('ApplicationData')
  const hellos = origin.receivedNames().filter(name => name === 'ClientHello')
  t.equal(hellos.length, 2, 'makes a HelloRetryRequest')
})

test('openssl origin that asks for a client certificate', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const client = await root.issue({ cn: 'client', eku: ['clientAuth'] })
  const dir = makeTempDir()
  t.teardown(() => dir.remove())
  const origin = await opensslOrigin({
    ...(await root.issue({ cn: 'x', keyType: 'rsa-1024' })),
    clientCertificate: { caPem: root.certPem, require: true },
  })
  t.teardown(() => origin.stop())
  const url = `https://127.0.0.1:${origin.port}/`
  await curl(['-sk', url])
  t.notOk(origin.received('CertificateVerify'), 'sees that none was sent')
  const own = ['--cert', dir.file('cert.pem', client.certPem), '--key', dir.file('key.pem', client.keyPem)]
  t.equal((await curl(['-sk', ...own, url])).code, 0)
  t.ok(origin.received('CertificateVerify'), 'sees that one was sent')
})

test('an origin that cannot start says why', async t => {
  requireProgram('openssl')
  await t.rejects(opensslOrigin({ certPem: 'junk', keyPem: 'junk' }), /cert/)
})
