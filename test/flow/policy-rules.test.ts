/**
 * Traffic Server's own tests of policies for single names, retold; each is named. Its page `Could Not Connect` is our 502.
 */
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { BASE, expects, gate, POLICY, PROPERTIES, signer, signer2, stage } from './policy-stage.js'

// tls_verify
test('a rule can enforce verification for some hosts', async t => {
  const it = await stage(t, {
    records: { [POLICY]: 'PERMISSIVE', [PROPERTIES]: 'SIGNATURE' },
    sni: `sni:
- {fqdn: bar.com, verify_server_policy: ENFORCED, verify_server_properties: ALL}
- {fqdn: '*.wild.com', verify_server_policy: ENFORCED, verify_server_properties: ALL}
- {fqdn: bad_bar.com, verify_server_policy: ENFORCED, verify_server_properties: ALL}
`,
  })
  await expects(t, it, [
    ['foo', 'foo.com', 200],
    ['bar', 'bar.com', 200],
    ['bar', 'bad_bar.com', 502],
    ['wild', 'foo.wild.com', 200],
    ['wild', 'foo_bar.wild.com', 200],
  ])
  t.match(it.proxy.output(), 'SNI (bad_bar.com) not in certificate. Action=Terminate')
  t.notMatch(it.proxy.output(), /verification failed/)
  t.equal((await it.ask('wild', 'a.b.wild.com')).status, 502, 'a wildcard stands for one label')
})

// tls_verify2
test('a rule can relax verification for some hosts', async t => {
  const it = await stage(t, {
    ...gate(t),
    sni: `sni:
- {fqdn: bar.com, verify_server_policy: PERMISSIVE, verify_server_properties: SIGNATURE}
- {fqdn: bad_bar.com, verify_server_policy: PERMISSIVE, verify_server_properties: SIGNATURE}
- {fqdn: random.com, verify_server_policy: DISABLED}
`,
  })
  await expects(t, it, [
    ['foo', 'foo.com', 200],
    // DISABLED leaves the decision to the plugins; Traffic Server would not have asked them.
    ['self', 'random.com', 200],
    ['bar', 'bar.com', 200],
    ['bar', 'bad_bar.com', 200],
    ['self', 'random2.com', 502],
    ['foo', 'bad_foo.com', 502],
  ])
  const log = it.proxy.output()
  t.notMatch(log, /\(random\.com\)/, 'DISABLED says nothing')
  t.notMatch(log, /\(bad_bar\.com\)/, 'SIGNATURE says nothing of names')
  t.match(log, 'Core server certificate verification failed for (random2.com). Action=Terminate')
  t.match(log, 'SNI (bad_foo.com) not in certificate')
})

// tls_verify3
test('the order of rules matters', async t => {
  const it = await stage(t, {
    ...gate(t),
    records: { [POLICY]: 'PERMISSIVE' },
    sni: `sni:
- {fqdn: bob.bar.com, verify_server_policy: ENFORCED, verify_server_properties: ALL}
- {fqdn: '*.foo.com', verify_server_policy: ENFORCED, verify_server_properties: SIGNATURE}
- {fqdn: '*.bar.com', verify_server_policy: DISABLED}
`,
  })
  await expects(t, it, [
    ['foo', 'foo.com', 200],
    ['self', 'my.random.com', 200],
    ['foo', 'bob.bar.com', 502],
    ['foo', 'bob.foo.com', 200],
    ['self', 'random.bar.com', 200],
  ])
  const log = it.proxy.output()
  t.match(log, 'Core server certificate verification failed for (my.random.com). Action=Continue')
  t.match(log, 'SNI (bob.bar.com) not in certificate')
  t.notMatch(log, /\(random\.bar\.com\)/)
})

// tls_verify_base, tls_verify_override, tls_verify_override_base: what PERMISSIVE tells
test('PERMISSIVE logs the failures that it let pass', async t => {
  const it = await stage(t, { records: { [POLICY]: 'PERMISSIVE' } })
  const { status, header } = await it.ask('self', 'random.com')
  t.equal(status, 200)
  const log = it.proxy.output()
  t.match(log, 'SNI (random.com) not in certificate. Action=Continue server=random.com(127.0.0.1)')
  t.match(
    log,
    /\(random\.com\)\. Action=Continue Error=self.signed certificate server=random\.com\(127\.0\.0\.1\) depth=0/,
  )
  t.match(
    header('proxy-status'),
    /^portcullis; details="accepted although by=built-in x509=X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT\/18 depth=0 x509=X509_V_ERR_HOSTNAME_MISMATCH\/62 depth=0 host=random\.com"$/,
    'the response tells the client',
  )
  t.equal((await it.ask('foo', 'foo.com')).header('proxy-status'), undefined, 'who passes needs no excuse')
})

// tls_verify_ca_override
test('each host can have its own trusted roots', async t => {
  const it = await stage(t, {
    files: { 'signer.pem': signer.certPem, 'signer2.pem': signer2.certPem },
    sni: `sni:
- {fqdn: foo.com, verify_server_ca: signer.pem, verify_server_properties: SIGNATURE}
- {fqdn: bar.com, verify_server_ca: signer2.pem, verify_server_properties: SIGNATURE}
`,
  })
  await expects(t, it, [
    ['foo', 'foo.com', 200], // case1
    ['foo2', 'foo.com', 502], // badcase1
    ['foo2', 'bar.com', 200], // case2
    ['foo', 'bar.com', 502], // badcase2
  ])
})

test('roots of its own are the only ones, may be several, and lie where the roots lie', async t => {
  const records = { 'proxy.config.ssl.client.CA.cert.path': 'roots' } as const
  const files = { 'both.pem': signer.certPem + signer2.certPem, 'second.pem': signer2.certPem }
  const sni = (file: string): string => `sni: [{fqdn: foo.com, verify_server_ca: ${file}}]`
  const elsewhere = stage(t, { records, files, sni: sni('both.pem') })
  await t.rejects(elsewhere, { code: 'PTC_TLS_CONTEXT' }, 'roots/both.pem is not there')
  const it = await stage(t, { files, sni: sni('second.pem') })
  await expects(t, it, [
    ['foo', 'foo.com', 502], // trusted by the records
    ['foo2', 'foo.com', 200],
    ['bar', 'bar.com', 200], // without a rule
  ])
  mkdirSync(join(it.proxy.conf.path, 'roots'))
  for (const name of ['both.pem', 'roots.pem'])
    renameSync(join(it.proxy.conf.path, name), join(it.proxy.conf.path, 'roots', name))
  await it.reload({ ...BASE, records, files: {}, sni: sni('both.pem') })
  await expects(t, it, [
    ['foo', 'foo.com', 200],
    ['foo2', 'foo.com', 200],
  ])
})

// tls_verify_not_pristine, and the sni_policy matrix of tls_verify_override: the name that is checked
test('a rule can set the SNI and the name to check', async t => {
  const it = await stage(t, {
    sni: `sni:
- {fqdn: bar.com, verify_server_name: foo.com, client_sni: foo.com}
- {fqdn: random.com, client_sni_policy: '@bar.com'}
- {fqdn: random2.com, client_sni: null, verify_server_properties: SIGNATURE}
`,
  })
  await expects(t, it, [
    ['foo', 'bar.com', 200], // foo-to-bar with the alternative name
    ['bar', 'bar.com', 200], // its own is as good
    ['foo', 'random.com', 502], // announced as another, checked as itself
    ['bar', 'foo.com', 502],
  ])
  t.match(it.proxy.output(), 'SNI (foo.com) not in certificate')
  await it.ask('wild', 'random2.com')
  const names = (word: string): unknown => it.origin(word).handshakes.map(({ sni }) => sni)
  t.same(names('foo'), ['foo.com'], 'the announced name')
  t.same(
    it.origin('bar').handshakes.map(({ sni }) => sni),
    ['foo.com'],
  )
  t.same(names('wild'), [undefined], 'or none')
})
