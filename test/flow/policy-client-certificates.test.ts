/** Which certificate the proxy shows to which origin: Traffic Server's tests, retold; each is named. */
import { test } from 'tap'
import { makeAuthority } from '../kit/pki.js'
import { BASE, expects, ORIGINS, POLICY, PROPERTIES, signer, signer2, stage } from './policy-stage.js'

// tls_client_cert, tls_client_cert2: the right certificate for the right origin
test('the client certificate is that of the rule, in their order', async t => {
  const one = await signer.issue({ cn: 'client one', eku: ['clientAuth'] })
  const two = await signer.issue({ cn: 'client two', eku: ['clientAuth'] })
  const general = await signer.issue({ cn: 'client general', eku: ['clientAuth'] })
  const sni = (first: string): string => `sni:
- {fqdn: bob.foo.com, client_cert: ${first}.pem, client_key: ${first}.key}
- {fqdn: '*.foo.com', client_cert: two.pem}
`
  const conf = {
    ...BASE,
    clientCertificate: general,
    files: {
      'one.pem': one.certPem,
      'one.key': one.keyPem,
      'two.pem': two.certPem + two.keyPem,
      'two.key': two.keyPem,
    },
    records: { [PROPERTIES]: 'SIGNATURE' } as const,
  }
  const it = await stage(t, {
    ...conf,
    sni: sni('one'),
    tls: { requestCert: true, ca: signer.certPem, rejectUnauthorized: true },
  })
  const shown = async (host: string): Promise<string | undefined> => {
    t.equal((await it.ask('foo', host)).status, 200)
    return it.origin('foo').handshakes.at(-1)?.clientCn
  }
  t.equal(await shown('bob.foo.com'), 'client one')
  t.equal(await shown('foo.com'), 'client general')
  await it.reload({ ...conf, sni: sni('two') })
  t.equal(await shown('bob.foo.com'), 'client two', 'a reload swaps it')
})

// tls_client_cert_override
for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${version}: an origin that does not know the signer of ours is a page`, async t => {
    const signed = { 'signed.pem': await signer.issue({ cn: 'one', eku: ['clientAuth'] }) }
    const signed2 = { 'signed2.pem': await signer2.issue({ cn: 'two', eku: ['clientAuth'] }) }
    const files = Object.entries({ ...signed, ...signed2 }).map(([name, { certPem, keyPem }]) => [
      name,
      certPem + keyPem,
    ])
    const knows = (ca: string) => ({
      tls: { requestCert: true, rejectUnauthorized: true, ca, minVersion: version, maxVersion: version },
    })
    const it = await stage(t, {
      origins: {
        one: { ...ORIGINS.foo, ...knows(signer.certPem) },
        two: { ...ORIGINS.bar, ...knows(signer2.certPem) },
      },
      clientCertificate: signed['signed.pem'],
      files: Object.fromEntries(files) as Record<string, string>,
      records: { [POLICY]: 'PERMISSIVE' },
      sni: `sni:
- {fqdn: foo.com, client_cert: signed.pem}
- {fqdn: bad_foo.com, client_cert: signed2.pem}
- {fqdn: bar.com, client_cert: signed2.pem}
- {fqdn: bad_bar.com, client_cert: signed.pem}
`,
    })
    await expects<'one' | 'two'>(t, it, [
      ['one', 'foo.com', 200], // case1
      ['one', 'bad_foo.com', 502], // badcase1
      ['two', 'bar.com', 200], // case2
      ['two', 'bad_bar.com', 502], // badcase2
    ])
    const shown = (word: string): unknown => it.origin(word).handshakes.map(({ clientCn }) => clientCn)
    t.same([shown('one'), shown('two')], [['one'], ['two']])
    for (const word of ['one', 'two']) {
      t.equal(it.origin(word).requests.length, 1, 'who does not know us gets no request')
      t.equal(it.origin(word).failures.length, 1)
    }
    await expects<'one' | 'two'>(t, it, [['one', 'random.com', 200]]) // what the records say
  })
}

// tls_verify_override_sni
test('a rule may name a certificate and a policy at once', async t => {
  const { certPem, keyPem } = await signer.issue({ cn: 'one', eku: ['clientAuth'] })
  const it = await stage(t, {
    files: { 'one.pem': certPem + keyPem },
    records: { [POLICY]: 'PERMISSIVE' },
    tls: { requestCert: true, ca: signer.certPem, rejectUnauthorized: true },
    sni: `sni:
- {fqdn: foo.com, client_cert: one.pem}
- {fqdn: bad_foo.com, client_cert: one.pem, verify_server_policy: ENFORCED}
- {fqdn: random.com, client_cert: one.pem, verify_server_policy: ENFORCED, verify_server_properties: SIGNATURE}
`,
  })
  await expects(t, it, [
    ['foo', 'foo.com', 200],
    ['foo', 'bad_foo.com', 502],
    ['foo', 'random.com', 200],
    ['foo', 'bar.com', 502], // without a certificate
  ])
})

test('the issuers of the certificate are sent with it', async t => {
  const middle = await makeAuthority({ name: 'Client CA', parent: signer })
  const { chainPem, certPem, keyPem } = await middle.issue({ cn: 'below', eku: ['clientAuth'] })
  const it = await stage(t, {
    files: { 'chain.pem': chainPem, 'leaf.pem': certPem, 'key.pem': keyPem },
    tls: { requestCert: true, ca: signer.certPem, rejectUnauthorized: true },
    records: { [PROPERTIES]: 'SIGNATURE' },
    sni: `sni:
- {fqdn: foo.com, client_cert: chain.pem, client_key: key.pem}
- {fqdn: bar.com, client_cert: leaf.pem, client_key: key.pem}
`,
  })
  await expects(t, it, [
    ['foo', 'foo.com', 200],
    ['foo', 'bar.com', 502],
  ])
  t.match(it.origin('foo').handshakes, [{ clientCn: 'below' }])
})
